#include "core/links/linear.h"

#include "core/error.h"
#include "core/functions/linear.h"

namespace rensa {
namespace {

const LinearOptions& checked(const LinearOptions& o) {
  if (o.in < 1 || o.out < 1) {
    throw ValueError("Linear: in is ", o.in, " and out is ", o.out, ", expected at least 1 feature each.");
  }
  return o;
}

}  // namespace

Linear::Linear(const LinearOptions& o)
    : W({checked(o).out, o.in}, o.initial_W, o.dtype), b({o.out}, init::zeros(), o.dtype), bias(o.bias), options_(o) {
  add("W", W);
  if (bias) add("b", b);
}

Variable Linear::operator()(const Variable& x) { return functions::linear(x, W, bias ? &b : nullptr); }

}  // namespace rensa
