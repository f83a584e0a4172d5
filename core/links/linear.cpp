#include "core/links/linear.h"

#include "core/error.h"
#include "core/functions/linear.h"

namespace rensa {
namespace {

const LinearOptions& checked(const LinearOptions& o) {
  if ((o.in < 1 && o.in != kLazySize) || o.out < 1) {
    throw ValueError("Linear: in is ", o.in, " and out is ", o.out, ", expected at least 1 feature each.");
  }
  return o;
}

}  // namespace

Linear::Linear(const LinearOptions& o)
    : W(o.initial_W, o.dtype), b({checked(o).out}, o.initial_b, o.dtype), bias(o.bias), options_(o) {
  if (o.in != kLazySize) W.initialize({o.out, o.in});
  add("W", W);
  if (bias) add("b", b);
}

Variable Linear::forward(const Variable& x) { return project(x, 1); }

Variable Linear::operator()(const Variable& x, int n_batch_axes) {
  return with_hooks(x, [&] { return project(x, n_batch_axes); });
}

Variable Linear::project(const Variable& x, int n_batch_axes) {
  if (!W.is_initialized()) {
    std::int64_t features = 1;
    for (int axis = n_batch_axes; axis < x.ndim(); ++axis) features *= x.shape()[axis];
    W.initialize({options_.out, features});
  }
  return functions::linear(x, W, bias ? &b : nullptr, n_batch_axes);
}

}  // namespace rensa
