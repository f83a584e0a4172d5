#pragma once

#include <cstdint>

#include "core/autograd/variable.h"
#include "core/functions/softmax_cross_entropy.h"

namespace rensa::functions {

// Losses under Chainer's names. Each throws ShapeError that names both shapes if they differ. softmax_cross_entropy has
// a header of its own.

/// |x0 - x1|, (x0 - x1)², element by element, broadcast.
Variable absolute_error(const Variable& x0, const Variable& x1);
Variable squared_error(const Variable& x0, const Variable& x1);       ///< (x0 - x1)², as absolute_error()
Variable squared_difference(const Variable& x0, const Variable& x1);  ///< the same as squared_error
/// Their means, a scalar.
Variable mean_absolute_error(const Variable& x0, const Variable& x1);
Variable mean_squared_error(const Variable& x0, const Variable& x1);  ///< the mean of (x0 - x1)², a scalar

/// What huber_loss() gives: a number for each sample, or for each element.
enum class HuberReduce { kSumAlongSecondAxis, kNone };
/// d²/2 where |d| <= delta, delta (|d| - delta/2) elsewhere, for d = x - t; summed along axis 1.
Variable huber_loss(const Variable& x, const Variable& t, double delta,
                    HuberReduce reduce = HuberReduce::kSumAlongSecondAxis);

/// Options of sigmoid_cross_entropy().
struct SigmoidCrossEntropyOptions {
  bool normalize = true;  ///< divide by the number of labels that are not ignored; false: by the batch size
  LossReduce reduce = LossReduce::kMean;
};
/// Cross entropy of sigmoid(x) against 0 or 1; t has x's shape, int32 or int64; -1 is ignored.
Variable sigmoid_cross_entropy(const Variable& x, const Array& t, const SigmoidCrossEntropyOptions& options = {});

/// Whether hinge() sums the parts or their squares.
enum class HingeNorm { kL1, kL2 };
/// max(0, 1 - x[t]) for the class t and max(0, 1 + x) for all others: x (batch, classes), t (batch). With kL2 the
/// squares. The mean is over the batch, of sums over the classes.
Variable hinge(const Variable& x, const Array& t, HingeNorm norm = HingeNorm::kL1,
               LossReduce reduce = LossReduce::kMean);

/// What becomes of a loss's elements: their sum, their mean, or themselves.
enum class SumReduce { kSum, kMean, kNone };
/// -log of the probability of x: y are the logits of independent coins.
Variable bernoulli_nll(const Variable& x, const Variable& y, SumReduce reduce = SumReduce::kSum);
/// -log of the density of x under normal distributions of that mean and log variance.
Variable gaussian_nll(const Variable& x, const Variable& mean, const Variable& ln_var,
                      SumReduce reduce = SumReduce::kSum);
/// The Kullback-Leibler divergence of those normal distributions from the standard one.
Variable gaussian_kl_divergence(const Variable& mean, const Variable& ln_var, SumReduce reduce = SumReduce::kSum);

/// y d² + (1 - y) max(margin - d, 0)², half of it: d the distance of x0 and x1 (batch, n), y (batch) 1 for alike and 0
/// for not. Source: Hadsell, Chopra, LeCun, "Dimensionality reduction by learning an invariant mapping", 2006.
Variable contrastive(const Variable& x0, const Variable& x1, const Array& y, double margin = 1,
                     LossReduce reduce = LossReduce::kMean);
/// max(0, |anchor - positive|² - |anchor - negative|² + margin); all (batch, n).
Variable triplet(const Variable& anchor, const Variable& positive, const Variable& negative, double margin = 0.2,
                 LossReduce reduce = LossReduce::kMean);
/// What becomes of a covariance's elements: half the sum of their squares, or themselves.
enum class CovarianceReduce { kHalfSquaredSum, kNone };
/// How far the covariance (m, n) of y (batch, m) and z (batch, n) is from 0.
/// Source: Cheung et al., "Discovering hidden factors of variation in deep networks", 2014.
Variable cross_covariance(const Variable& y, const Variable& z,
                          CovarianceReduce reduce = CovarianceReduce::kHalfSquaredSum);
/// The same of the covariance (n, n) of h (batch, n), with 0 for the variances.
/// Source: Cogswell et al., "Reducing overfitting in deep networks by decorrelating representations", 2015.
Variable decov(const Variable& h, CovarianceReduce reduce = CovarianceReduce::kHalfSquaredSum);
/// -alpha (1 - p)^gamma log p, where p is the probability that softmax(x) gives to the label; the mean.
/// Source: Lin et al., "Focal loss for dense object detection", 2017.
Variable focal_loss(const Variable& x, const Array& t, double gamma = 2, double alpha = 1);

/// Pulls the pixels of an object together and objects apart: embeddings (batch, dim, h, w), labels (batch, h, w) from 1
/// to max_embedding_dim, others are the ground. With m the mean of an object's pixels in a picture, 0 where it has
/// none:
///
///   variance        alpha × the mean over the labels, absent ones too, of the mean of max(0, |m - pixel| - delta_v)²
///                   over all pixels of that label in the batch
///   distance        beta × the mean of max(0, 2 delta_d - |m_a - m_b|)² over pictures and pairs of labels
///   regularisation  gamma × Σ |m| / (batch max_embedding_dim), |m| over the batch's pictures together, for each label
/// Lengths are sums of absolute values (norm 1) or Euclidean (norm 2). Source: De Brabandere, Neven, Van Gool,
/// "Semantic instance segmentation with a discriminative loss function", 2017; the averages are Chainer's.
Variables discriminative_margin_based_clustering_loss(const Variable& embeddings, const Array& labels, double delta_v,
                                                      double delta_d, std::int64_t max_embedding_dim, int norm = 1,
                                                      double alpha = 1, double beta = 1, double gamma = 0.001);

}  // namespace rensa::functions
