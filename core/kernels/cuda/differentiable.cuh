#pragma once

#include "core/kernels/cuda/elementwise.cuh"
#include "core/kernels/differentiable.h"
#include "core/kernels/formulas/dual.h"
#include "core/kernels/formulas/from_constants.h"

namespace rensa::cuda {

/// gy times the derivative of order kOrder of a formula at x.
template <int kOrder, class Formula>
struct TimesDerivative {
  Formula f;
  template <class T>
  RENSA_FORMULA T operator()(T x, T gy) const {
    return gy * formulas::derivative<kOrder>(f, x);
  }
};

/// Fills a kernel's slot with a formula and its derivatives: const Differentiated<formulas::Gelu, gelu, true>
/// cuda_gelu; With kHot, f and f' have kernels of their own for the 16-bit types.
template <class Formula, kernels::Differentiable& kernel, bool kHot = false>
class Differentiated : kernels::Implementation {
 public:
  Differentiated() : Implementation(kernel, DeviceKind::kCuda, run) {}

 private:
  /// Derivatives that are rarely wanted have a kernel for float64 alone: compiling is what they cost most.
  template <class F>
  static Array in_float64(const F& f, const Array& x, const Array& gy) {
    const Array wide = x.to(Dtype::kFloat64), y = empty_like(wide);
    if (y.size() > 0)
      launch_dense<2, double>(kernel.name(), f, y, lying_as(wide, y), lying_as(gy.to(Dtype::kFloat64), y));
    return y.to(x.dtype());
  }

  static Array run(const Array& x, const Array& gy, int order, const kernels::Constants& constants) {
    const char* const name = kernel.name();
    const Formula f = formulas::from_constants<Formula>(constants);
    if (order == 0) return map<kHot>(name, f, x);
    if (order == 1) return map_alike<kHot>(name, TimesDerivative<1, Formula>{f}, x, gy);
    if (order == 2) return in_float64(TimesDerivative<2, Formula>{f}, x, gy);
    return in_float64(TimesDerivative<3, Formula>{f}, x, gy);
  }
};

}  // namespace rensa::cuda
