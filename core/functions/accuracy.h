#pragma once

#include <cstdint>
#include <optional>

#include "core/array/array.h"

namespace rensa::functions {

/// Options of accuracy().
struct AccuracyOptions {
  std::optional<std::int64_t> ignore_label;  ///< places with this label are left out
};

/// The share of places where the largest score is the label's: a number in [0, 1]; 0 when every label is ignored.
///
///   y  (batch, classes, …) scores;  t  (batch, …), int32 or int64
///
/// Of equal scores the first class wins. Throws ShapeError if y and t do not fit.
double accuracy(const Array& y, const Array& t, const AccuracyOptions& options = {});
/// The same as a float64 scalar on y's device: the host waits for nothing.
Array accuracy_array(const Array& y, const Array& t, const AccuracyOptions& options = {});

/// The share of places where fewer than `k` classes score above the label's. Throws ValueError if k < 1.
double top_k_accuracy(const Array& y, const Array& t, std::int64_t k, const AccuracyOptions& options = {});
/// The same as accuracy_array().
Array top_k_accuracy_array(const Array& y, const Array& t, std::int64_t k, const AccuracyOptions& options = {});

}  // namespace rensa::functions
