#pragma once

#include <algorithm>
#include <cstdint>

#include "core/kernels/cpu/parallel.h"

namespace rensa::cpu {

/// y = xᵀ: x (rows, columns) without gaps, y (columns, rows) with y_row elements from one row to the next.
/// Bands of 16 rows: each is read as 16 streams from end to end, and fills whole cache lines of y.
template <class T>
void transpose(const T* x, std::int64_t rows, std::int64_t columns, T* y, std::int64_t y_row) {
  constexpr std::int64_t kBand = 16;
  const auto one_band = [=](std::int64_t first) {
    const std::int64_t last = std::min(first + kBand, rows);
    for (std::int64_t c = 0; c < columns; ++c) {
      for (std::int64_t r = first; r < last; ++r) y[c * y_row + r] = x[r * columns + c];
    }
  };
  for_each_block((rows + kBand - 1) / kBand,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t band = begin; band < end; ++band) one_band(band * kBand);
                 },
                 /*cost=*/2 * kBand * columns * static_cast<std::int64_t>(sizeof(T)));
}

}  // namespace rensa::cpu
