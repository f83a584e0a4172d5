#include "core/functions/softmax.h"

#include "core/autograd/function.h"
#include "core/functions/arithmetic.h"
#include "core/functions/math.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "core/kernels/softmax.h"

namespace rensa::functions {
namespace {

// Along the last axis; the public functions bring other axes there.

struct SoftmaxGrad final : Function {
  const char* name() const override { return "softmax_grad"; }

  Array forward(const Array& y, const Array& gy) override {
    retain_inputs(0, 1);
    return kernels::softmax_grad(y.contiguous(), gy.contiguous());
  }
  Variables backward(const Variable& ggx) override {
    auto [y, gy] = retained_inputs<2>();
    const Variable products = sum(ggx * y, {-1}, /*keepdims=*/true);
    const Variable dot = sum(gy * y, {-1}, true);
    return {ggx * (gy - dot) - gy * products, y * (ggx - products)};
  }
};

struct Softmax final : Function {
  const char* name() const override { return "softmax"; }

  Array forward(const Array& x) override {
    Array y = kernels::softmax(x.contiguous());
    retain_output(y);
    return y;
  }
  Variables backward(const Variable& gy) override { return {apply<SoftmaxGrad>(retained_output(), gy)}; }
};

struct LogSoftmaxGrad final : Function {
  const char* name() const override { return "log_softmax_grad"; }

  Array forward(const Array& y, const Array& gy) override {
    retain_inputs(0, 1);
    return kernels::log_softmax_grad(y.contiguous(), gy.contiguous());
  }
  Variables backward(const Variable& ggx) override {
    auto [y, gy] = retained_inputs<2>();
    const Variable p = exp(y);
    return {-(ggx * p * sum(gy, {-1}, /*keepdims=*/true)), ggx - sum(ggx * p, {-1}, true)};
  }
};

struct LogSoftmax final : Function {
  const char* name() const override { return "log_softmax"; }

  Array forward(const Array& x) override {
    Array y = kernels::log_softmax(x.contiguous());
    retain_output(y);
    return y;
  }
  Variables backward(const Variable& gy) override { return {apply<LogSoftmaxGrad>(retained_output(), gy)}; }
};

template <class AlongLast>
Variable along(const Variable& x, int axis, const char* name) {
  const int last = x.ndim() - 1;
  const int at = normalize_axis(axis, x.ndim(), name);
  if (at == last) return apply<AlongLast>(x);
  Dims swapped;
  for (int i = 0; i <= last; ++i) swapped.push_back(i == at ? last : i == last ? at : i);
  return transpose(apply<AlongLast>(transpose(x, swapped)), swapped);
}

}  // namespace

Variable softmax(const Variable& x, int axis) { return along<Softmax>(x, axis, "softmax"); }
Variable log_softmax(const Variable& x, int axis) { return along<LogSoftmax>(x, axis, "log_softmax"); }

}  // namespace rensa::functions
