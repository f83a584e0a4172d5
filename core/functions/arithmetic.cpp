#include "core/functions/arithmetic.h"

#include "core/array/logic.h"
#include "core/autograd/function.h"
#include "core/functions/constants.h"
#include "core/functions/indexing.h"
#include "core/functions/math.h"
#include "core/functions/promotion.h"
#include "core/functions/reduction.h"
#include "core/kernels/arithmetic.h"

namespace rensa::functions {
namespace {

/// Operands may be broadcast: their gradients are summed back to the operands' shapes.
struct BinaryFunction : Function {
  Shape a_shape, b_shape;

  void keep_shapes(const Array& a, const Array& b) {
    a_shape = a.shape();
    b_shape = b.shape();
  }
};

struct Add final : BinaryFunction {
  const char* name() const override { return "add"; }

  Array forward(const Array& a, const Array& b) override {
    keep_shapes(a, b);
    return kernels::add(a, b);
  }
  Variables backward(const Variable& gy) override { return {sum_to(gy, a_shape), sum_to(gy, b_shape)}; }
};

struct Sub final : BinaryFunction {
  const char* name() const override { return "sub"; }

  Array forward(const Array& a, const Array& b) override {
    keep_shapes(a, b);
    return kernels::sub(a, b);
  }
  Variables backward(const Variable& gy) override {
    return {sum_to(gy, a_shape), needs_input_grad(1) ? sum_to(-gy, b_shape) : Variable()};
  }
};

struct Mul final : BinaryFunction {
  const char* name() const override { return "mul"; }

  Array forward(const Array& a, const Array& b) override {
    keep_shapes(a, b);
    retain_inputs(0, 1);
    return kernels::mul(a, b);
  }
  Variables backward(const Variable& gy) override {
    auto [a, b] = retained_inputs<2>();
    return {needs_input_grad(0) ? sum_to(gy * b, a_shape) : Variable(),
            needs_input_grad(1) ? sum_to(gy * a, b_shape) : Variable()};
  }
};

struct Div final : BinaryFunction {
  const char* name() const override { return "div"; }

  Array forward(const Array& a, const Array& b) override {
    keep_shapes(a, b);
    retain_inputs(0, 1);
    return kernels::div(a, b);
  }
  Variables backward(const Variable& gy) override {
    auto [a, b] = retained_inputs<2>();
    const Variable ga = gy / b;
    return {needs_input_grad(0) ? sum_to(ga, a_shape) : Variable(),
            needs_input_grad(1) ? sum_to(-(ga * a / b), b_shape) : Variable()};
  }
};

struct Pow final : BinaryFunction {
  const char* name() const override { return "pow"; }

  Array forward(const Array& a, const Array& b) override {
    keep_shapes(a, b);
    retain_inputs(0, 1);
    return kernels::pow(a, b);
  }
  Variables backward(const Variable& gy) override {
    auto [a, b] = retained_inputs<2>();
    return {needs_input_grad(0) ? sum_to(gy * b * pow(a, one_less(a, b)), a_shape) : Variable(),
            needs_input_grad(1) ? sum_to(gy * pow(a, b) * log(a), b_shape) : Variable()};
  }

 private:
  /// b - 1, but 0 for 0 to the power of 0, whose derivative is 0 and not 0 times infinity.
  static Variable one_less(const Variable& a, const Variable& b) {
    const Array is_constant = logical_and(equal(a.array(), 0), equal(b.array(), 0));
    return where(is_constant, constant_like(b, 0), b - 1.0);
  }
};

struct AddNumber final : Function {
  double number;
  explicit AddNumber(double n) : number(n) {}
  const char* name() const override { return "add"; }

  Array forward(const Array& x) override { return kernels::add_number(x, number); }
  Variables backward(const Variable& gy) override { return {gy}; }
};

struct MulNumber final : Function {
  double number;
  explicit MulNumber(double n) : number(n) {}
  const char* name() const override { return "mul"; }

  Array forward(const Array& x) override { return kernels::mul_number(x, number); }
  Variables backward(const Variable& gy) override { return {gy * number}; }
};

struct DivNumber final : Function {
  double number;
  explicit DivNumber(double n) : number(n) {}
  const char* name() const override { return "div"; }

  Array forward(const Array& x) override { return kernels::div_number(x, number); }
  Variables backward(const Variable& gy) override { return {gy / number}; }
};

struct NumberDividedBy final : Function {
  double number;
  explicit NumberDividedBy(double n) : number(n) {}
  const char* name() const override { return "div"; }

  Array forward(const Array& x) override {
    retain_inputs(0);
    return kernels::number_divided_by(x, number);
  }
  Variables backward(const Variable& gy) override {
    const Variable x = retained_input();
    return {gy * -number / x / x};  // x² may be beyond float16's range
  }
};

struct PowNumber final : Function {
  double exponent;
  explicit PowNumber(double e) : exponent(e) {}
  const char* name() const override { return "pow"; }

  Array forward(const Array& x) override {
    retain_inputs(0);
    return kernels::pow_number(x, exponent);
  }
  Variables backward(const Variable& gy) override {
    if (exponent == 0) return {gy * 0.0};  // and not 0 x^-1, which is not a number at 0
    return {gy * exponent * pow(retained_input(), exponent - 1)};
  }
};

template <class F>
Variable binary(const Variable& a, const Variable& b) {
  return promoted(a, b, [](const Variable& x, const Variable& y) { return apply<F>(x, y); });
}

}  // namespace

Variable add(const Variable& a, const Variable& b) { return binary<Add>(a, b); }
Variable add(const Variable& x, double number) { return apply(make_function<AddNumber>(number), x); }
Variable sub(const Variable& a, const Variable& b) { return binary<Sub>(a, b); }
Variable mul(const Variable& a, const Variable& b) { return binary<Mul>(a, b); }
Variable mul(const Variable& x, double number) { return apply(make_function<MulNumber>(number), x); }
Variable div(const Variable& a, const Variable& b) { return binary<Div>(a, b); }
Variable div(const Variable& x, double number) { return apply(make_function<DivNumber>(number), x); }
Variable div(double number, const Variable& x) { return apply(make_function<NumberDividedBy>(number), x); }
Variable neg(const Variable& x) { return apply(make_function<MulNumber>(-1.0), x); }
Variable pow(const Variable& a, const Variable& b) { return binary<Pow>(a, b); }
Variable pow(const Variable& x, double exponent) { return apply(make_function<PowNumber>(exponent), x); }
Variable pow(double base, const Variable& exponent) { return apply<Pow>(constant_like(exponent, base), exponent); }

}  // namespace rensa::functions
