#pragma once

#include <cstdint>

#include "core/autograd/variable.h"

namespace rensa::functions {

inline constexpr std::int64_t kIgnoreLabel = -1;  ///< the label that losses leave out unless told otherwise

/// What becomes of the losses of the samples: their mean, or themselves.
enum class LossReduce { kMean, kNone };

/// Options of softmax_cross_entropy().
struct SoftmaxCrossEntropyOptions {
  double label_smoothing = 0;  ///< in [0, 1): this share of each target is spread evenly over all classes
  std::int64_t ignore_label = kIgnoreLabel;
  bool normalize = true;  ///< divide by the number of labels that are not ignored; false: by the batch size
  LossReduce reduce = LossReduce::kMean;
  Array class_weight = {};  ///< (classes), or none: the loss of a label counts that much; the divisor stays the same
};

/// Cross entropy of softmax(x) against class numbers.
///
///   x        (batch, classes, …) logits; 16-bit ones are converted to float32
///   t        (batch, …), int32 or int64 in [0, classes); places where t == ignore_label count nothing
///   returns  a scalar mean, or (batch, …) losses with LossReduce::kNone; in nats, x's dtype or float32
///
/// With every label ignored the mean is 0. Throws ShapeError if x and t do not fit; ValueError names the first label
/// out of range. Source: Goodfellow, Bengio, Courville, "Deep Learning" (2016), section 6.2.2.3; label smoothing:
/// Szegedy et al., "Rethinking the Inception architecture for computer vision", 2016, section 7.
Variable softmax_cross_entropy(const Variable& x, const Array& t, const SoftmaxCrossEntropyOptions& options = {});

/// Which loss soft_cross_entropy() computes; they differ by the entropy of t.
enum class SoftTargetLoss { kCrossEntropy, kKlDivergence };
/// The same against probabilities t of x's shape: -Σ t log softmax(x) along axis 1, or Σ t (log t - log softmax(x)).
/// The mean is over all places. Differentiable in t too. Throws ShapeError if the shapes differ.
Variable soft_cross_entropy(const Variable& x, const Variable& t, SoftTargetLoss loss = SoftTargetLoss::kCrossEntropy,
                            LossReduce reduce = LossReduce::kMean);

}  // namespace rensa::functions
