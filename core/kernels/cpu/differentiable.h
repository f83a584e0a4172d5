#pragma once

#include <type_traits>

#include "core/array/dispatch.h"
#include "core/kernels/cpu/destination.h"
#include "core/kernels/cpu/half_precision.h"
#include "core/kernels/cpu/parallel.h"
#include "core/kernels/differentiable.h"
#include "core/kernels/formulas/dual.h"
#include "core/kernels/formulas/from_constants.h"

namespace rensa::cpu {

/// What a formula may bring for float32 beside itself: the same values, and derivatives times gy, for many elements at
/// once.
struct NoVectors {};
template <void (*value)(const float* x, float* y, std::int64_t count),
          void (*gradient)(const float* x, const float* gy, float* gx, std::int64_t count)>
struct Vectors {
  static void values(const float* x, float* y, std::int64_t count) { value(x, y, count); }
  static void gradients(const float* x, const float* gy, float* gx, std::int64_t count) { gradient(x, gy, gx, count); }
};

/// Fills a kernel's slot with a formula and its derivatives: const Differentiated<formulas::Mish, mish> cpu_mish;
template <class Formula, kernels::Differentiable& kernel, class InVectors = NoVectors>
class Differentiated : kernels::Implementation {
 public:
  Differentiated() : Implementation(kernel, DeviceKind::kCpu, run) {}

 private:
  /// Elements where they lie; an array with gaps is closed up first.
  static Array run(const Array& x, const Array& gy, int order, const kernels::Constants& constants) {
    const Array source = x.is_dense() ? x : x.contiguous();
    const Array y = empty_like(source);
    Array g = gy;
    if (gy && (gy.strides() != source.strides() || gy.dtype() != source.dtype())) {
      g = empty_like(source);
      g.copy_from(gy);
    }
    const Formula f = formulas::from_constants<Formula>(constants);
    if (is_half(x.dtype())) {
      for_each_block(
          y.size(), [&](std::int64_t begin, std::int64_t end) { half_block(f, order, source, g, y, begin, end); },
          /*cost=*/32);
      return y;
    }
    dispatch_floating(x.dtype(), kernel.name(), [&](auto tag) {
      using T = typename decltype(tag)::type;
      const T* from = source.data<T>();
      const T* gradient = g ? g.data<T>() : nullptr;
      for_each_block(
          y.size(),
          [&](std::int64_t begin, std::int64_t end) {
            for_each_stretch(destination<T>(y), begin, end, [&](T* out, std::int64_t at, std::int64_t count) {
              block(f, order, from + at, gradient ? gradient + at : nullptr, out, count);
            });
          },
          /*cost=*/32);
    });
    return y;
  }

  static void half_block(const Formula& f, int order, const Array& x, const Array& gy, const Array& y,
                         std::int64_t begin, std::int64_t end) {
    if (order == 0) {
      for_each_widened(x, y, begin, end,
                       [&](float* v, std::int64_t count) { block<float>(f, 0, v, nullptr, v, count); });
    } else {
      for_each_widened(x, gy, y, begin, end, [&](float* v, const float* gradient, std::int64_t count) {
        block(f, order, v, gradient, v, count);
      });
    }
  }

  template <class T>
  static void block(const Formula& f, int order, const T* x, const T* gy, T* y, std::int64_t count) {
    if constexpr (std::is_same_v<T, float> && !std::is_same_v<InVectors, NoVectors>) {
      if (order == 0) return InVectors::values(x, y, count);
      if (order == 1) return InVectors::gradients(x, gy, y, count);
    }
    if (order == 0) {
      for (std::int64_t i = 0; i < count; ++i) y[i] = f(x[i]);
    } else if (order == 1) {
      for (std::int64_t i = 0; i < count; ++i) y[i] = gy[i] * formulas::derivative<1>(f, x[i]);
    } else if (order == 2) {
      for (std::int64_t i = 0; i < count; ++i) y[i] = gy[i] * formulas::derivative<2>(f, x[i]);
    } else {
      for (std::int64_t i = 0; i < count; ++i) y[i] = gy[i] * formulas::derivative<3>(f, x[i]);
    }
  }
};

}  // namespace rensa::cpu
