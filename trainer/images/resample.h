#pragma once

#include <array>
#include <vector>

#include "trainer/images/image.h"

namespace rensa::images {

/// Colours as a network wants them: (value / 255 - mean) / std, channel by channel (red, green, blue).
struct Normalization {
  std::array<float, 3> mean{0, 0, 0};
  std::array<float, 3> std{1, 1, 1};
};

/// Mean and standard deviation of ImageNet's training pictures, the values that everybody uses.
inline constexpr Normalization kImageNetNormalization{{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};

/// The weights of one axis of a bilinear resize with antialiasing: output i is the sum of weights[i * taps + k] *
/// input[first[i] + k] over k < count[i]. When it shrinks, the triangle filter is as wide as two output pixels, as in
/// Pillow's and torchvision's resize (antialias = true).
/// Source: Pillow, src/libImaging/Resample.c, as documented under "Concepts: Filters"; the triangle filter is in
/// Wolberg, "Digital Image Warping" (1990), section 5.3.
struct ResampleAxis {
  int taps = 0;  ///< stride of `weights`
  std::vector<int> first, count;
  std::vector<float> weights;

  int size() const { return static_cast<int>(first.size()); }  ///< samples of the output
  void reverse();                                              ///< mirrors the output
};

/// Maps `length` input pixels from `start` (fractions allowed) to `size` outputs, looking only at inputs in
/// [low, high). Throws ValueError if a size is not positive or [low, high) is empty.
ResampleAxis bilinear_axis(double start, double length, int size, int low, int high);

/// Resizes and normalizes in one go. out (rows.size(), columns.size(), 3), as NHWC wants it. `rows` go from the top
/// down. Vector code for the machine at hand, chosen at run time.
void resample(const Image& image, const ResampleAxis& rows, const ResampleAxis& columns,
              const Normalization& normalization, float* out);
/// The same, rounded to 8 bits.
Image resample(const Image& image, const ResampleAxis& rows, const ResampleAxis& columns);

/// The picture as floats, out (height, width, 3).
void normalize(const Image& image, const Normalization& normalization, float* out);

/// The whole picture at another size, rounded to 8 bits.
Image resize(const Image& image, int height, int width);

}  // namespace rensa::images
