#pragma once

#include <cmath>
#include <cstdint>

#include "core/kernels/formulas/annotation.h"

namespace rensa::kernels::formulas {

// Changes of a pixel's colours, for every back end: 8 bits in and out, the same bits everywhere. The numbers are
// Pillow's, which cuts off where it cuts off and rounds where it rounds.

// GPUs' compilers join a product and a sum into one rounding, which would be another result than the host's.
RENSA_FORMULA inline float rounded_product(float a, float b) {
#if defined(__CUDA_ARCH__)
  return __fmul_rn(a, b);
#else
  return a * b;
#endif
}

/// What is left of a value when it is cut off at both ends of 8 bits.
RENSA_FORMULA inline std::uint8_t cut_off(float value) {
  return static_cast<std::uint8_t>(value < 0.0f ? 0.0f : value > 255.0f ? 255.0f : value);
}

/// From `zero` (factor 0) over `one` (factor 1) and on; in float32 and cut off, not rounded, as Pillow blends.
RENSA_FORMULA inline std::uint8_t blend(int zero, int one, float factor) {
  return cut_off(static_cast<float>(zero) + rounded_product(factor, static_cast<float>(one - zero)));
}

/// Luminance by ITU-R 601-2, in 16-bit fixed point.
RENSA_FORMULA inline int grey(const std::uint8_t* pixel) {
  return static_cast<int>((pixel[0] * 19595u + pixel[1] * 38470u + pixel[2] * 7471u + 0x8000u) >> 16);
}

/// The mean grey of a picture, which contrast keeps.
RENSA_FORMULA inline int mean_grey(std::int64_t sum, std::int64_t pixels) {
  return static_cast<int>(static_cast<double>(sum) / static_cast<double>(pixels) + 0.5);
}

/// Turns the colour circle of 256 steps. Hue, saturation and value on 0 … 255, in the float32 arithmetic of Pillow's
/// conversion. Source: Smith, "Color gamut transform pairs" (1978): the hexcone model.
RENSA_FORMULA inline void turn_hue(std::uint8_t* pixel, std::uint8_t steps) {
  const int r = pixel[0], g = pixel[1], b = pixel[2];
  const int largest = r > g ? (r > b ? r : b) : (g > b ? g : b), smallest = r < g ? (r < b ? r : b) : (g < b ? g : b);
  if (largest == smallest) return;  // grey: no hue
  const auto range = static_cast<float>(largest - smallest);
  const float share = range / static_cast<float>(largest);
  const float of_r = static_cast<float>(largest - r) / range, of_g = static_cast<float>(largest - g) / range,
              of_b = static_cast<float>(largest - b) / range;
  float turn = 0;
  if (r == largest) {
    turn = of_b - of_g;
  } else if (g == largest) {
    turn = static_cast<float>(2.0 + of_r - of_b);
  } else {
    turn = static_cast<float>(4.0 + of_g - of_r);
  }
  turn = static_cast<float>(std::fmod(turn / 6.0 + 1.0, 1.0));
  const auto hue = static_cast<std::uint8_t>(static_cast<std::uint8_t>(turn * 255.0) + steps);
  const auto saturation = static_cast<std::uint8_t>(share * 255.0);
  const auto v = static_cast<std::uint8_t>(largest);
  if (saturation == 0) {
    pixel[0] = pixel[1] = pixel[2] = v;
    return;
  }
  const float place = rounded_product(static_cast<float>(hue), 6.0f) / 255.0f, sector = std::floor(place);
  const float f = place - sector, s = static_cast<float>(saturation) / 255.0f;
  const auto part = [v](float kept) {
    return static_cast<std::uint8_t>(std::lround(rounded_product(static_cast<float>(v), kept)));
  };
  const std::uint8_t p = part(1.0f - s), q = part(1.0f - rounded_product(s, f)),
                     t = part(1.0f - rounded_product(s, 1.0f - f));
  switch (static_cast<int>(sector) % 6) {
    case 0:
      pixel[0] = v, pixel[1] = t, pixel[2] = p;
      break;
    case 1:
      pixel[0] = q, pixel[1] = v, pixel[2] = p;
      break;
    case 2:
      pixel[0] = p, pixel[1] = v, pixel[2] = t;
      break;
    case 3:
      pixel[0] = p, pixel[1] = q, pixel[2] = v;
      break;
    case 4:
      pixel[0] = t, pixel[1] = p, pixel[2] = v;
      break;
    default:
      pixel[0] = v, pixel[1] = p, pixel[2] = q;
  }
}

/// Where the numbers of a picture's edit are: what is done with it between its 8 bits and a sample, all drawn
/// beforehand.
enum PictureEdit : int {
  kDown,  ///< by how much the crop is shifted against the picture; outside of it is black
  kRight,
  kFlip,     ///< 1: mirrored left to right, after the crop
  kChanges,  ///< four of ColourChange, in the order in which they are made
  kBrightness = kChanges + 4,
  kContrast,
  kSaturation,
  kHue,  ///< steps of 256
  kEditNumbers
};
enum ColourChange : int { kNoChange, kOfBrightness, kOfContrast, kOfSaturation, kOfHue };

/// The number of the change of contrast, 4 if there is none: it alone needs the whole picture.
RENSA_FORMULA inline int contrast_place(const float* edit) {
  int place = 0;
  while (place < 4 && static_cast<int>(edit[kChanges + place]) != kOfContrast) ++place;
  return place;
}

/// Changes [first, last) of a pixel; `mean` is the picture's mean grey where contrast meets it.
RENSA_FORMULA inline void change_colours(std::uint8_t* pixel, const float* edit, int first, int last, int mean) {
  for (int i = first; i < last; ++i) {
    const int change = static_cast<int>(edit[kChanges + i]);
    if (change == kOfHue) {
      turn_hue(pixel, static_cast<std::uint8_t>(static_cast<int>(edit[kHue])));
    } else if (change != kNoChange) {
      const int zero = change == kOfBrightness ? 0 : change == kOfContrast ? mean : grey(pixel);
      const float factor = edit[change == kOfBrightness ? kBrightness
                                : change == kOfContrast ? kContrast
                                                        : kSaturation];
      for (int c = 0; c < 3; ++c) pixel[c] = blend(zero, pixel[c], factor);
    }
  }
}

/// Of an 8-bit picture in any order of axes, the pixel that an edit puts at (y, x), as three channels; one channel
/// counts as three equal ones.
struct PictureReader {
  const std::uint8_t* data;
  std::int64_t channel_step, row_step, column_step;
  int channels, height, width;

  RENSA_FORMULA const std::uint8_t* place(const float* edit, int y, int x) const {
    const int from_y = y + static_cast<int>(edit[kDown]);
    const int from_x = (edit[kFlip] != 0 ? width - 1 - x : x) + static_cast<int>(edit[kRight]);
    const bool inside = from_y >= 0 && from_y < height && from_x >= 0 && from_x < width;
    return inside ? data + from_y * row_step + from_x * column_step : nullptr;
  }
  RENSA_FORMULA void read(const std::uint8_t* at, std::uint8_t* pixel) const {
    for (int c = 0; c < 3; ++c) pixel[c] = at ? at[channels == 1 ? 0 : c * channel_step] : std::uint8_t{0};
  }
};

}  // namespace rensa::kernels::formulas
