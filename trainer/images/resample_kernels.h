#pragma once

#include <cstddef>
#include <cstdint>

namespace rensa::images {

inline constexpr std::size_t kPaddingFloats = 4;  ///< readable behind `in` of blend_columns

/// scale * value + shift; the fourth lane fills a vector register and is never seen.
struct Affine {
  float scale[4], shift[4];
};

struct ColumnWeights {
  const int* first;      ///< of each output: its first input float (3 for each pixel)
  const int* count;      ///< of each output: inputs
  const float* weights;  ///< (size, taps)
  int taps, size;
};

/// out[i] = sum over k < count of weights[k] * rows[k][i], for i < width.
void blend_rows(const std::uint8_t* const* rows, const float* weights, int count, std::size_t width, float* out);

/// out (size, 3): weighted sums of the RGB pixels of `in`, then `affine`.
void blend_columns(const float* in, const ColumnWeights& columns, const Affine& affine, float* out);

}  // namespace rensa::images
