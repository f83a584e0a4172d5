#pragma once

#include <cstdint>
#include <optional>

#include "core/array/array.h"

namespace rensa::functions {

// Figures of merit, without a gradient. accuracy is in accuracy.h. Each throws ShapeError if the shapes do not fit.

/// The share of places where y >= 0 agrees with t (0 or 1; -1 is left out).
double binary_accuracy(const Array& y, const Array& t);

/// What classification_summary() says of each class.
struct ClassificationSummary {
  Array precision, recall, fbeta;  ///< (classes), float64; 0 where nothing was found or nothing was there
  Array support;                   ///< (classes), int64: how often each class is in t
};
/// For each class: y (batch, classes) scores, t (batch) labels. `classes` is y's unless given; `ignore_label` is left
/// out.
ClassificationSummary classification_summary(const Array& y, const Array& t, double beta = 1,
                                             std::optional<std::int64_t> ignore_label = std::nullopt);
/// Parts of it.
/// @{
Array precision(const Array& y, const Array& t, std::optional<std::int64_t> ignore_label = std::nullopt);
Array recall(const Array& y, const Array& t, std::optional<std::int64_t> ignore_label = std::nullopt);
Array fbeta_score(const Array& y, const Array& t, double beta = 1,
                  std::optional<std::int64_t> ignore_label = std::nullopt);
Array f1_score(const Array& y, const Array& t, std::optional<std::int64_t> ignore_label = std::nullopt);
/// @}

/// The coefficient of determination, 1 - Σ (t - y)² / Σ (t - mean(t))², over all elements. Where t does not vary it is
/// 0.
double r2_score(const Array& y, const Array& t);

}  // namespace rensa::functions
