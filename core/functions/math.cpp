#include "core/functions/math.h"

#include "core/autograd/function.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/elementwise.h"
#include "core/functions/promotion.h"
#include "core/functions/reduction.h"
#include "core/kernels/math.h"

namespace rensa::functions {
namespace {

struct Exp final : Function {
  const char* name() const override { return "exp"; }

  Array forward(const Array& x) override {
    Array y = kernels::exp(x);
    retain_output(y);
    return y;
  }
  Variables backward(const Variable& gy) override { return {gy * retained_output()}; }
};

struct Log final : Function {
  const char* name() const override { return "log"; }

  Array forward(const Array& x) override {
    retain_inputs(0);
    return kernels::log(x);
  }
  Variables backward(const Variable& gy) override { return {gy / retained_input()}; }
};

struct Sqrt final : Function {
  const char* name() const override { return "sqrt"; }

  Array forward(const Array& x) override {
    Array y = kernels::sqrt(x);
    retain_output(y);
    return y;
  }
  Variables backward(const Variable& gy) override { return {gy * 0.5 / retained_output()}; }
};

struct AbsGrad final : Function {
  const char* name() const override { return "abs_grad"; }

  Array forward(const Array& x, const Array& gy) override {
    retain_inputs(0);
    return kernels::abs_grad(x, gy);
  }
  Variables backward(const Variable& ggx) override { return {Variable(), apply<AbsGrad>(retained_input(), ggx)}; }
};

struct Abs final : Function {
  const char* name() const override { return "abs"; }

  Array forward(const Array& x) override {
    retain_inputs(0);
    return kernels::abs(x);
  }
  Variables backward(const Variable& gy) override { return {apply<AbsGrad>(retained_input(), gy)}; }
};

/// Which operand each element came from decides where its gradient goes.
template <bool kLargest>
struct Choose final : Function {
  const char* name() const override { return kLargest ? "maximum" : "minimum"; }

  Array forward(const Array& a, const Array& b) override {
    retain_inputs(0, 1);
    return kLargest ? kernels::maximum(a, b) : kernels::minimum(a, b);
  }
  Variables backward(const Variable& gy) override {
    const Variable a = retained_input(0), b = retained_input(1);
    const Variable from_a(kLargest ? kernels::not_less(a.array(), b.array()) : kernels::not_less(b.array(), a.array()));
    const Variable ga = gy * from_a;
    return {sum_to(ga, a.shape()), sum_to(gy - ga, b.shape())};
  }
};

struct Fmod final : Function {
  const char* name() const override { return "fmod"; }

  Array forward(const Array& x, const Array& divisor) override {
    retain_inputs(0, 1);
    return kernels::fmod(x, divisor);
  }
  Variables backward(const Variable& gy) override {
    auto [x, divisor] = retained_inputs<2>();
    return {sum_to(gy, x.shape()), sum_to(-gy * fix(x / divisor), divisor.shape())};
  }
};

struct ClipGrad final : Function {
  double low, high;
  ClipGrad(double l, double h) : low(l), high(h) {}
  const char* name() const override { return "clip_grad"; }

  Array forward(const Array& x, const Array& gy) override {
    retain_inputs(0);
    return kernels::clip_grad(x, gy, low, high);
  }
  Variables backward(const Variable& ggx) override {
    return {Variable(), apply(make_function<ClipGrad>(low, high), retained_input(), ggx)};
  }
};

struct Clip final : Function {
  double low, high;
  Clip(double l, double h) : low(l), high(h) {}
  const char* name() const override { return "clip"; }

  Array forward(const Array& x) override {
    retain_inputs(0);
    return kernels::clip(x, low, high);
  }
  Variables backward(const Variable& gy) override {
    return {apply(make_function<ClipGrad>(low, high), retained_input(), gy)};
  }
};

}  // namespace

Variable exp(const Variable& x) { return apply<Exp>(x); }
Variable log(const Variable& x) { return apply<Log>(x); }
Variable sqrt(const Variable& x) { return apply<Sqrt>(x); }
Variable square(const Variable& x) { return pow(x, 2.0); }
Variable abs(const Variable& x) { return apply<Abs>(x); }
Variable maximum(const Variable& a, const Variable& b) {
  return promoted(a, b, [](const auto& x, const auto& y) { return apply<Choose<true>>(x, y); });
}
Variable minimum(const Variable& a, const Variable& b) {
  return promoted(a, b, [](const auto& x, const auto& y) { return apply<Choose<false>>(x, y); });
}

Variable clip(const Variable& x, double low, double high) {
  if (!(low <= high)) throw ValueError("clip: low is ", low, ", high is ", high, "; expected low <= high.");
  return apply(make_function<Clip>(low, high), x);
}

Variable absolute(const Variable& x) { return abs(x); }
Variable expm1(const Variable& x) { return elementwise(kernels::expm1, x); }
Variable log1p(const Variable& x) { return elementwise(kernels::log1p, x); }
Variable log2(const Variable& x) { return elementwise(kernels::log2, x); }
Variable log10(const Variable& x) { return elementwise(kernels::log10, x); }
Variable rsqrt(const Variable& x) { return elementwise(kernels::rsqrt, x); }
Variable floor(const Variable& x) { return elementwise(kernels::floor, x); }
Variable ceil(const Variable& x) { return elementwise(kernels::ceil, x); }
Variable fix(const Variable& x) { return elementwise(kernels::fix, x); }
Variable sign(const Variable& x) { return elementwise(kernels::sign, x); }
Variable fmod(const Variable& x, const Variable& divisor) {
  return promoted(x, divisor, [](const auto& a, const auto& b) { return apply<Fmod>(a, b); });
}

}  // namespace rensa::functions
