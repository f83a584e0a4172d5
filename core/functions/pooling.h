#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "core/autograd/variable.h"

namespace rensa::functions {

/// Options of max_pooling_2d() and average_pooling_2d().
struct PoolingOptions {
  std::array<std::int64_t, 2> kernel = {2, 2};                       ///< vertical, horizontal
  std::optional<std::array<std::int64_t, 2>> stride = std::nullopt;  ///< none: the kernel's size
  std::array<std::int64_t, 2> pad = {0, 0};
  bool cover_all = true;  ///< max pooling: a last window that reaches over the edge, so that every pixel counts
};

// x (N, C, H, W), float32 or float64; the result lies channels-last. Throws ShapeError unless x has four axes and every
// window covers a pixel, ValueError for an option out of range.

/// The largest value of each window; its gradient goes to the first largest pixel. Padding is never the largest.
/// OH = (H + 2 pad - kernel) / stride + 1, rounded up if cover_all, else down.
Variable max_pooling_2d(const Variable& x, const PoolingOptions& options = {});

/// The mean over each window, padding counting as 0. Always rounds the output's size down; cover_all is not used.
Variable average_pooling_2d(const Variable& x, const PoolingOptions& options = {});

/// The mean over all pixels, (N, C).
Variable global_average_pooling_2d(const Variable& x);

}  // namespace rensa::functions
