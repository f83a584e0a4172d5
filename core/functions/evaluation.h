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
/// For each class: y (batch, classes, …) scores, t (batch, …) labels, of which `ignore_label` is left out. `label_num`:
/// how many classes are counted, y's unless given; a guess beyond them is no class's.
ClassificationSummary classification_summary(const Array& y, const Array& t, double beta = 1,
                                             std::int64_t ignore_label = -1,
                                             std::optional<std::int64_t> label_num = std::nullopt);
/// Parts of it.
/// @{
Array precision(const Array& y, const Array& t, std::int64_t ignore_label = -1,
                std::optional<std::int64_t> label_num = std::nullopt);
Array recall(const Array& y, const Array& t, std::int64_t ignore_label = -1,
             std::optional<std::int64_t> label_num = std::nullopt);
Array fbeta_score(const Array& y, const Array& t, double beta = 1, std::int64_t ignore_label = -1,
                  std::optional<std::int64_t> label_num = std::nullopt);
Array f1_score(const Array& y, const Array& t, std::int64_t ignore_label = -1,
               std::optional<std::int64_t> label_num = std::nullopt);
/// @}

/// The coefficient of determination of each column, 1 - Σ (t - y)² / Σ (t - mean(t))², the sums and the mean along
/// axis 0; 0 where a column of t does not vary. Their mean over the columns ("uniform_average" in Chainer).
double r2_score(const Array& y, const Array& t);
/// The columns' own ("raw_values" in Chainer): y's shape without axis 0, float64.
Array r2_scores(const Array& y, const Array& t);

}  // namespace rensa::functions
