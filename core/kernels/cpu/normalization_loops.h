#pragma once

#include <cstdint>
#include <type_traits>

#include "core/array/float16.h"
#include "core/kernels/cpu/destination.h"

namespace rensa::cpu {

/// In what elements stored as S are computed.
template <class S>
using Computed = std::conditional_t<std::is_same_v<S, double>, double, float>;

/// Dense rows of channels that a gradient is made from.
template <class S>
struct GradientRows {
  const S *x, *gy;
  std::int64_t rows, channels;
};

/// With which gy passes where y is positive, and is written to `passed`; null: the threshold decides.
template <class S>
struct OutputMask {
  const S* y = nullptr;
  Destination<S> passed = {};
};

/// With which gy passes where x scale + shift is positive; null: everywhere.
template <class T>
struct Threshold {
  const T *scale = nullptr, *shift = nullptr;
};

/// What batch normalization does to dense rows of channels, with the widest instructions of the processor. Arrays of S
/// have an element for each row and channel, those of T one a channel.
template <class S>
struct NormalizationLoops {
  using T = Computed<S>;

  /// a += sum(x - origin), b += sum((x - origin)^2)
  void (*add_statistics)(const S* x, std::int64_t rows, std::int64_t channels, const T* origin, T* a, T* b);
  /// y = x scale + shift (+ residual, unless null), then relu if asked
  void (*scale_and_shift)(const S* x, const S* residual, const Destination<S>& y, std::int64_t rows,
                          std::int64_t channels, const T* scale, const T* shift, bool relu);
  /// a += sum(gy'), b += sum(gy' (x - mean) inv_std), where gy' is what passes of gy
  void (*add_gradient_sums)(const GradientRows<S>& rows, const Threshold<T>& threshold, const OutputMask<S>& mask,
                            const T* mean, const T* inv_std, T* a, T* b);
  /// gx = p gy' + q x + r
  void (*gradient)(const GradientRows<S>& rows, const Threshold<T>& threshold, const T* p, const T* q, const T* r,
                   const Destination<S>& gx);
};

/// Those of the processor.
/// @{
template <class S>
const NormalizationLoops<S>& normalization_loops();
template <>
const NormalizationLoops<float>& normalization_loops();
template <>
const NormalizationLoops<double>& normalization_loops();
template <>
const NormalizationLoops<Float16>& normalization_loops();
template <>
const NormalizationLoops<BFloat16>& normalization_loops();
/// @}

}  // namespace rensa::cpu
