#pragma once

#include <cstdint>

#include "core/autograd/variable.h"

namespace rensa::functions {

/// Normalizes each row over the last axes, those of gamma: y = gamma (x - mean) / sqrt(var + eps) + beta.
///
///   x            (batch, …)
///   gamma, beta  x's last axes, of x's dtype; float32 for a 16-bit x, too
/// Throws ShapeError if they are not, DtypeError if the dtypes differ.
/// Source: Ba, Kiros, Hinton, "Layer normalization", 2016.
Variable layer_normalization(const Variable& x, const Variable& gamma, const Variable& beta, double eps = 1e-5);
/// The same without the mean and beta: y = gamma x / sqrt(mean(x²) + eps).
/// Source: Zhang, Sennrich, "Root mean square layer normalization", 2019.
Variable rms_normalization(const Variable& x, const Variable& gamma, double eps = 1e-6);
/// Each of `groups` groups of channels of each sample by itself: x (batch, C, …), gamma and beta (C).
/// Source: Wu, He, "Group normalization", 2018.
Variable group_normalization(const Variable& x, std::int64_t groups, const Variable& gamma, const Variable& beta,
                             double eps = 1e-5);

/// x / (k + alpha Σ x²)^beta, the sum over n neighbouring channels (axis 1).
/// Source: Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural networks", 2012.
Variable local_response_normalization(const Variable& x, std::int64_t n = 5, double k = 2, double alpha = 1e-4,
                                      double beta = 0.75);
/// x / (|x| + eps), the length taken over `axes`. The gradient at 0 is finite.
Variable normalize(const Variable& x, double eps = 1e-5, const Dims& axes = {1});

/// Options of batch_renormalization().
struct BatchRenormalizationOptions {
  double eps = 2e-5, decay = 0.9;
  double rmax = 1, dmax = 0;       ///< how far the batch's statistics may be corrected; (1, 0): not at all
  bool update_statistics = false;  ///< move avg_mean and avg_var; the link does
};
/// Batch normalization of x (batch, C, …) whose result is corrected towards what the running statistics would give, by
/// factors that have no gradient. avg_mean and avg_var (C) are read, and moved if asked. Source: Ioffe, "Batch
/// renormalization: towards reducing minibatch dependence in batch-normalized models", 2017.
Variable batch_renormalization(const Variable& x, const Variable& gamma, const Variable& beta, Array& avg_mean,
                               Array& avg_var, const BatchRenormalizationOptions& options = {});
/// The same with given statistics.
Variable fixed_batch_renormalization(const Variable& x, const Variable& gamma, const Variable& beta, const Array& mean,
                                     const Array& var, double eps = 2e-5);

/// Options of decorrelated_batch_normalization().
struct DecorrelatedBatchNormalizationOptions {
  std::int64_t groups = 16;
  double eps = 2e-5, decay = 0.9;
};
/// Whitens each group of channels of x (batch, C, …): the inverse square root of its covariance times x - mean.
/// avg_mean (groups, n) and avg_projection (groups, n, n), n = C / groups, are moved; towards m / (m - 1) times the
/// projection, as Chainer does, for m values a channel. Source: Huang et al., "Decorrelated batch normalization", 2018.
Variable decorrelated_batch_normalization(const Variable& x, Array& avg_mean, Array& avg_projection,
                                          const DecorrelatedBatchNormalizationOptions& options = {});
/// The same with a given mean and projection.
Variable fixed_decorrelated_batch_normalization(const Variable& x, const Array& mean, const Array& projection);

}  // namespace rensa::functions
