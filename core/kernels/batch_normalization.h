#pragma once

#include <array>

#include "core/kernels/kernel.h"

namespace rensa::kernels {

// Channels are axis 1 of x (N, C) or (N, C, H, W), which is worked on channels-last; other layouts are copied. What
// there is one of for each channel is a float64 array (C).

/// How relu is undone in the gradient.
enum class ReluMask {
  kNone,        ///< there was no relu
  kFromInput,   ///< y = relu(x scale + shift): positive where that is, so that y need not be kept
  kFromOutput,  ///< y is given: a residual was added before relu
};

/// {mean, biased variance} over all axes but the channels'. One pass over memory.
extern Kernel<std::array<Array, 2>(const Array& x)> batch_statistics;

/// What normalization makes of statistics: inv_std = 1 / sqrt(var + eps), gamma xhat + beta = x scale + shift.
struct FoldedStatistics {
  Array inv_std, scale, shift;
};
/// gamma and beta in any floating dtype, mean and var float64 or float32.
extern Kernel<FoldedStatistics(const Array& gamma, const Array& beta, const Array& mean, const Array& var, double eps)>
    fold_statistics;
/// average ← decay average + (1 - decay) correction now; average float32 or float64, `now` float64.
extern Kernel<void(const Array& average, const Array& now, double decay, double correction)> move_average;

/// x scale + shift (+ residual, if it is an array), then relu if asked. One pass.
extern Kernel<Array(const Array& x, const Array& scale, const Array& shift, const Array& residual, bool relu)>
    scale_and_shift;

/// What the gradient kernels need: xhat = (x - mean) inv_std, y = xhat gamma + beta = x scale + shift.
struct NormalizedBatch {
  Array x, mean, inv_std, scale, shift;
  double count = 0;  ///< values a channel that mean and inv_std are of: x's, or those of several processes
  Array y;           ///< for kFromOutput
  ReluMask mask = ReluMask::kNone;
};
/// Sums over all axes but the channels', where gy' is gy behind relu.
struct NormalizationSums {
  Array gbeta;   ///< sum(gy')
  Array ggamma;  ///< sum(gy' xhat)
  Array passed;  ///< for kFromOutput gy' itself, the residual's gradient; otherwise no array
};
extern Kernel<NormalizationSums(const Array& gy, const NormalizedBatch& batch)> batch_normalization_sums;
/// gx = scale (gy' - (gbeta + xhat ggamma) / count). For kFromOutput the first array is gy' already.
extern Kernel<Array(const Array& gy, const NormalizedBatch& batch, const Array& gbeta, const Array& ggamma)>
    batch_normalization_grad;

}  // namespace rensa::kernels
