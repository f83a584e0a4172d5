#include "core/functions/elementwise.h"

#include "core/error.h"
#include "core/functions/arithmetic.h"

namespace rensa::functions {
namespace {

/// gy × the order-th derivative; of order 0, the formula itself.
struct Elementwise final : Function {
  const kernels::Differentiable& formula;
  kernels::Constants constants;
  int order;
  Elementwise(const kernels::Differentiable& f, const kernels::Constants& c, int n)
      : formula(f), constants(c), order(n) {}
  const char* name() const override { return formula.name(); }

  Array forward(const Array& x) override {
    retain_inputs(0);
    return formula(x, Array(), 0, constants);
  }
  Array forward(const Array& x, const Array& gy) override {
    retain_inputs(0, 1);
    return formula(x, gy, order, constants);
  }
  Variables backward(const Variable& g) override {
    const Variable x = retained_input(0);
    if (order == 0) return {derivative(1, x, g)};
    return {needs_input_grad(0) ? derivative(order + 1, x, g * retained_input(1)) : Variable(),
            derivative(order, x, g)};
  }

 private:
  Variable derivative(int of_order, const Variable& x, const Variable& gy) const {
    if (of_order > kernels::kMostDerivatives) {
      throw GraphError(name(), ": can be differentiated ", kernels::kMostDerivatives, " times, a derivative of order ",
                       of_order, " was asked for. Compose the formula of other functions for more.");
    }
    return apply(make_function<Elementwise>(formula, constants, of_order), x, gy);
  }
};

}  // namespace

Variable elementwise(const kernels::Differentiable& formula, const Variable& x, const kernels::Constants& constants) {
  return apply(make_function<Elementwise>(formula, constants, 0), x);
}

}  // namespace rensa::functions
