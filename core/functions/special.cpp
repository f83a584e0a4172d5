#include "core/functions/special.h"

#include "core/autograd/function.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/elementwise.h"
#include "core/functions/reduction.h"
#include "core/kernels/math.h"

namespace rensa::functions {
namespace {

struct Zeta final : Function {
  const char* name() const override { return "zeta"; }

  Array forward(const Array& x, const Array& q) override {
    retain_inputs(0, 1);
    return kernels::zeta(x, q);
  }
  Variables backward(const Variable& gy) override {
    if (needs_input_grad(0))
      throw GraphError("zeta: has no gradient with respect to x. Pass x as an array that requires none.");
    auto [x, q] = retained_inputs<2>();
    return {Variable(), sum_to(-gy * x * zeta(x + 1, q), q.shape())};
  }
};

}  // namespace

Variable erf(const Variable& x) { return elementwise(kernels::erf, x); }
Variable erfc(const Variable& x) { return elementwise(kernels::erfc, x); }
Variable erfcx(const Variable& x) { return elementwise(kernels::erfcx, x); }
Variable erfinv(const Variable& x) { return elementwise(kernels::erfinv, x); }
Variable erfcinv(const Variable& x) { return elementwise(kernels::erfcinv, x); }
Variable ndtr(const Variable& x) { return elementwise(kernels::ndtr, x); }
Variable ndtri(const Variable& x) { return elementwise(kernels::ndtri, x); }
Variable log_ndtr(const Variable& x) { return elementwise(kernels::log_ndtr, x); }
Variable lgamma(const Variable& x) { return elementwise(kernels::lgamma, x); }
Variable digamma(const Variable& x) { return polygamma(0, x); }
Variable polygamma(int n, const Variable& x) {
  if (n < 0) throw ValueError("polygamma: the order is ", n, ", expected 0 or more.");
  return elementwise(kernels::polygamma, x, {static_cast<double>(n)});
}
Variable zeta(const Variable& x, const Variable& q) { return apply<Zeta>(x, q); }

}  // namespace rensa::functions
