#pragma once

#include <cstdint>
#include <vector>

#include "core/autograd/variable.h"
#include "core/functions/statistics_reducer.h"

namespace rensa::functions {

/// Options of batch_normalization().
struct BatchNormalizationOptions {
  double eps = 2e-5;
  double decay = 0.9;  ///< of the running statistics
  bool relu = false;   ///< relu of the result, in the same pass over memory
  /// Whose parts make the batch, statistics and gradients: null for this process alone. Must outlive the graph.
  StatisticsReducer* reducer = nullptr;
  /// The axes of x over which the statistics are taken, ascending; gamma, beta and the statistics have x's other axes.
  /// Empty: axis 0 and those behind gamma's, which are 1, 2, … then.
  std::vector<std::int64_t> axis = {};
};

/// Normalizes each channel (axis 1, or all axes of gamma) over all other axes, y = gamma (x - mean) / sqrt(var + eps) +
/// beta (+ residual, relu).
///
///   x            (N, C, …); results of four axes lie channels-last
///   gamma, beta  (C), of x's dtype; float32 for a 16-bit x, too. With more axes they are (C1, C2, …) for an x of
///                (N, C1, C2, …); other axes: options.axis
///   avg_mean, avg_var  gamma's shape, moved towards the batch's mean and unbiased variance (null: not kept):
///                avg = decay avg + (1 - decay) batch
///   residual     x's shape, or none: added before relu
/// An empty x (N = 0) gives an empty y. With a reducer it takes part in the others' batch, and in their backward():
/// each process's gamma and beta get what its own samples contribute. Without, the running statistics stay as they are.
/// Throws ShapeError if the shapes do not fit, ValueError for a single value a channel.
/// Source: Ioffe, Szegedy, "Batch normalization: accelerating deep network training", 2015.
Variable batch_normalization(const Variable& x, const Variable& gamma, const Variable& beta, Array* avg_mean = nullptr,
                             Array* avg_var = nullptr, const BatchNormalizationOptions& options = {},
                             const Variable* residual = nullptr);

/// The same with given statistics, as in inference; decay is not used.
Variable fixed_batch_normalization(const Variable& x, const Variable& gamma, const Variable& beta, const Array& mean,
                                   const Array& var, const BatchNormalizationOptions& options = {},
                                   const Variable* residual = nullptr);

/// What fixed_batch_normalization does to a channel before residual and relu: y = scale x + shift. (C), float64.
struct ChannelAffine {
  Array scale, shift;
};
/// Of given statistics (C) and parameters (C).
ChannelAffine fixed_batch_normalization_affine(const Array& gamma, const Array& beta, const Array& mean,
                                               const Array& var, double eps);

}  // namespace rensa::functions
