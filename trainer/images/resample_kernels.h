#pragma once

#include <cstddef>
#include <cstdint>

namespace rensa::images {

inline constexpr int kRowsAtOnce = 4;  ///< rows that share the weights of one pass along the columns

inline constexpr std::size_t kMostLanes = 16;  ///< floats of the longest vectors in use

/// scale * value + shift, channel by channel: the numbers of three vectors, which are a whole number of pixels.
struct Affine {
  float scale[3 * kMostLanes], shift[3 * kMostLanes];
};

struct ColumnWeights {
  const int* first;      ///< of each output: its first input float (3 for each pixel)
  const float* weights;  ///< (size, taps); 0 where an output has fewer inputs
  int taps, size;
};

/// Values of 8 bits as floats.
void widen_row(const std::uint8_t* in, std::size_t count, float* out);

/// out[r] (size, 3) of each of kRowsAtOnce rows: weighted sums of the RGB pixels of in[r], which must be finite up to
/// `taps` pixels behind the last first input and one float more.
void blend_columns(const float* const* in, const ColumnWeights& columns, float* const* out);

/// out[i] = affine(sum over k < count of weights[k] * rows[k][i]), for i < width, a whole number of RGB pixels.
void blend_rows(const float* const* rows, const float* weights, int count, std::size_t width, const Affine& affine,
                float* out);
void blend_rows(const std::uint8_t* const* rows, const float* weights, int count, std::size_t width,
                const Affine& affine, float* out);

/// The same sums, rounded to 8 bits.
void blend_rows(const float* const* rows, const float* weights, int count, std::size_t width, std::uint8_t* out);

/// affine(in[i]) for i < width, a whole number of RGB pixels.
void normalize_row(const std::uint8_t* in, std::size_t width, const Affine& affine, float* out);

}  // namespace rensa::images
