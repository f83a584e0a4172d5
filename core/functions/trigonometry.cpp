#include "core/functions/trigonometry.h"

#include "core/autograd/function.h"
#include "core/functions/arithmetic.h"
#include "core/functions/elementwise.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "core/kernels/math.h"

namespace rensa::functions {
namespace {

struct Arctan2 final : Function {
  const char* name() const override { return "arctan2"; }

  Array forward(const Array& x1, const Array& x2) override {
    retain_inputs(0, 1);
    return kernels::arctan2(x1, x2);
  }
  Variables backward(const Variable& gy) override {
    auto [x1, x2] = retained_inputs<2>();
    const Variable g = gy / (x1 * x1 + x2 * x2);
    return {sum_to(g * x2, x1.shape()), sum_to(-g * x1, x2.shape())};
  }
};

}  // namespace

Variable sin(const Variable& x) { return elementwise(kernels::sin, x); }
Variable cos(const Variable& x) { return elementwise(kernels::cos, x); }
Variable tan(const Variable& x) { return elementwise(kernels::tan, x); }
Variable arcsin(const Variable& x) { return elementwise(kernels::arcsin, x); }
Variable arccos(const Variable& x) { return elementwise(kernels::arccos, x); }
Variable arctan(const Variable& x) { return elementwise(kernels::arctan, x); }
Variable sinh(const Variable& x) { return elementwise(kernels::sinh, x); }
Variable cosh(const Variable& x) { return elementwise(kernels::cosh, x); }
Variable arcsinh(const Variable& x) { return elementwise(kernels::arcsinh, x); }
Variable arccosh(const Variable& x) { return elementwise(kernels::arccosh, x); }
Variable arctanh(const Variable& x) { return elementwise(kernels::arctanh, x); }
Variable arctan2(const Variable& x1, const Variable& x2) {
  if (is_half(x1.dtype()) && x2.dtype() == x1.dtype()) {  // the squares in its gradient may be beyond float16's range
    return cast(arctan2(cast(x1, Dtype::kFloat32), cast(x2, Dtype::kFloat32)), x1.dtype());
  }
  return apply<Arctan2>(x1, x2);
}

}  // namespace rensa::functions
