#include "core/functions/dropout.h"

#include "core/autograd/config.h"
#include "core/autograd/function.h"
#include "core/error.h"
#include "core/kernels/dropout.h"

namespace rensa::functions {
namespace {

/// Linear in x with a diagonal matrix: its gradient is itself, with the same choice drawn again instead of stored.
struct Dropout final : Function {
  double ratio;
  RandomContext at;
  Dropout(double r, const RandomContext& context) : ratio(r), at(context) {}
  const char* name() const override { return "dropout"; }

  Array forward(const Array& x) override { return kernels::dropout(x.contiguous(), ratio, at); }
  Variables backward(const Variable& gy) override { return {apply(make_function<Dropout>(ratio, at), gy)}; }
};

}  // namespace

Variable dropout(const Variable& x, double ratio) {
  if (!(ratio >= 0 && ratio < 1)) throw ValueError("dropout: ratio is ", ratio, ", expected 0 to below 1.");
  if (!config().train || ratio == 0) return x;
  const RandomContext at = random_context();
  ++random_context().uses;
  return apply(make_function<Dropout>(ratio, at), x);
}

}  // namespace rensa::functions
