#include "trainer/images/colour.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "core/error.h"

namespace rensa::images {
namespace {

constexpr int kValues = 256;
using Table = std::array<std::uint8_t, kValues>;

std::uint8_t cut(double value) { return static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0)); }

/// From `zero` (factor 0) over `one` (factor 1) and on; in float32 and cut off, not rounded, as Pillow blends.
std::uint8_t blend(int zero, int one, float factor) {
  const float value = static_cast<float>(zero) + factor * static_cast<float>(one - zero);
  return static_cast<std::uint8_t>(std::clamp(value, 0.0f, 255.0f));
}

/// Luminance by ITU-R 601-2, in 16-bit fixed point.
int grey(const std::uint8_t* pixel) {
  return static_cast<int>((pixel[0] * 19595u + pixel[1] * 38470u + pixel[2] * 7471u + 0x8000u) >> 16);
}

std::size_t pixels(const Image& image) { return image.bytes() / Image::kChannels; }

template <class MakeValue>
void apply_to_values(Image& image, const MakeValue& make_value) {
  Table table{};
  for (int i = 0; i < kValues; ++i) table[static_cast<std::size_t>(i)] = make_value(i);
  std::uint8_t* values = image.row(0);
  for (std::size_t i = 0; i < image.bytes(); ++i) values[i] = table[values[i]];
}

using Histogram = std::array<std::int64_t, kValues>;

/// Gives each channel a table made of its own histogram.
template <class MakeTable>
void apply_to_channels(Image& image, const MakeTable& make_table) {
  std::array<Histogram, Image::kChannels> histograms{};
  std::uint8_t* values = image.row(0);
  for (std::size_t i = 0; i < image.bytes(); i += Image::kChannels) {
    for (std::size_t c = 0; c < Image::kChannels; ++c) ++histograms[c][values[i + c]];
  }
  std::array<Table, Image::kChannels> tables{};
  for (std::size_t c = 0; c < Image::kChannels; ++c) {
    for (std::size_t i = 0; i < kValues; ++i) tables[c][i] = static_cast<std::uint8_t>(i);
    make_table(histograms[c], tables[c]);
  }
  for (std::size_t i = 0; i < image.bytes(); i += Image::kChannels) {
    for (std::size_t c = 0; c < Image::kChannels; ++c) values[i + c] = tables[c][values[i + c]];
  }
}

/// Hue, saturation and value on 0 … 255, in the float32 arithmetic of Pillow's conversion.
/// Source: Smith, "Color gamut transform pairs" (1978): the hexcone model.
std::array<std::uint8_t, 3> to_hsv(const std::uint8_t* pixel) {
  const int r = pixel[0], g = pixel[1], b = pixel[2];
  const int largest = std::max({r, g, b}), smallest = std::min({r, g, b});
  if (largest == smallest) return {0, 0, static_cast<std::uint8_t>(largest)};
  const auto range = static_cast<float>(largest - smallest);
  const float s = range / static_cast<float>(largest);
  const auto distance = [&](int value) { return static_cast<float>(largest - value) / range; };
  float h = 0;
  if (r == largest) {
    h = distance(b) - distance(g);
  } else if (g == largest) {
    h = static_cast<float>(2.0 + distance(r) - distance(b));
  } else {
    h = static_cast<float>(4.0 + distance(g) - distance(r));
  }
  h = static_cast<float>(std::fmod(h / 6.0 + 1.0, 1.0));
  return {cut(h * 255.0), cut(s * 255.0), static_cast<std::uint8_t>(largest)};
}

void from_hsv(const std::array<std::uint8_t, 3>& hsv, std::uint8_t* pixel) {
  const std::uint8_t v = hsv[2];
  if (hsv[1] == 0) {
    std::fill_n(pixel, Image::kChannels, v);
    return;
  }
  const float turn = static_cast<float>(hsv[0]) * 6.0f / 255.0f;
  const float sector = std::floor(turn);
  const float f = turn - sector, s = static_cast<float>(hsv[1]) / 255.0f;
  const auto part = [v](float share) { return static_cast<std::uint8_t>(std::lround(static_cast<float>(v) * share)); };
  const std::uint8_t p = part(1.0f - s), q = part(1.0f - s * f), t = part(1.0f - s * (1.0f - f));
  const std::uint8_t colours[6][3] = {{v, t, p}, {q, v, p}, {p, v, t}, {p, q, v}, {t, p, v}, {v, p, q}};
  std::memcpy(pixel, colours[static_cast<int>(sector) % 6], Image::kChannels);
}

}  // namespace

void adjust_brightness(Image& image, double factor) {
  apply_to_values(image, [f = static_cast<float>(factor)](int value) { return blend(0, value, f); });
}

void adjust_contrast(Image& image, double factor) {
  if (image.empty()) return;
  std::int64_t sum = 0;
  for (const std::uint8_t* pixel = image.row(0); pixel != image.row(0) + image.bytes(); pixel += Image::kChannels) {
    sum += grey(pixel);
  }
  const int mean = static_cast<int>(static_cast<double>(sum) / static_cast<double>(pixels(image)) + 0.5);
  apply_to_values(image, [mean, f = static_cast<float>(factor)](int value) { return blend(mean, value, f); });
}

void adjust_saturation(Image& image, double factor) {
  const auto f = static_cast<float>(factor);
  for (std::uint8_t* pixel = image.row(0); pixel != image.row(0) + image.bytes(); pixel += Image::kChannels) {
    const int without = grey(pixel);
    for (int c = 0; c < Image::kChannels; ++c) pixel[c] = blend(without, pixel[c], f);
  }
}

void adjust_sharpness(Image& image, double factor) {
  const auto f = static_cast<float>(factor);
  const Image before = image.clone();
  const auto across = static_cast<int>(image.row_bytes());
  for (int y = 1; y + 1 < image.height(); ++y) {
    const std::uint8_t *above = before.row(y - 1), *here = before.row(y), *below = before.row(y + 1);
    std::uint8_t* out = image.row(y);
    for (int i = Image::kChannels; i < across - Image::kChannels; ++i) {
      int sum = 4 * here[i];  // the middle counts 5 of 13, its neighbours 1 each
      for (int at : {i - Image::kChannels, i, i + Image::kChannels}) sum += above[at] + here[at] + below[at];
      out[i] = blend((2 * sum + 13) / 26, here[i], f);
    }
  }
}

void adjust_hue(Image& image, double shift) {
  if (!(shift >= -0.5 && shift <= 0.5)) {
    throw ValueError("adjust_hue: a shift of ", shift, " rounds, expected -0.5 to 0.5.");
  }
  const auto steps = static_cast<std::uint8_t>(static_cast<int>(shift * 255));
  for (std::uint8_t* pixel = image.row(0); pixel != image.row(0) + image.bytes(); pixel += Image::kChannels) {
    std::array<std::uint8_t, 3> hsv = to_hsv(pixel);
    hsv[0] = static_cast<std::uint8_t>(hsv[0] + steps);
    from_hsv(hsv, pixel);
  }
}

void posterize(Image& image, int bits) {
  const int mask = 0xff << (8 - std::clamp(bits, 0, 8));
  apply_to_values(image, [mask](int value) { return static_cast<std::uint8_t>(value & mask); });
}

void solarize(Image& image, double threshold) {
  apply_to_values(
      image, [threshold](int value) { return static_cast<std::uint8_t>(value < threshold ? value : 255 - value); });
}

void auto_contrast(Image& image) {
  apply_to_channels(image, [](const Histogram& histogram, Table& table) {
    int low = 0, high = kValues - 1;
    while (low < high && histogram[static_cast<std::size_t>(low)] == 0) ++low;
    while (high > low && histogram[static_cast<std::size_t>(high)] == 0) --high;
    if (high <= low) return;
    const double scale = 255.0 / (high - low), offset = -low * scale;
    for (int i = 0; i < kValues; ++i) table[static_cast<std::size_t>(i)] = cut(i * scale + offset);
  });
}

void equalize(Image& image) {
  apply_to_channels(image, [](const Histogram& histogram, Table& table) {
    std::int64_t sum = 0, last = 0;
    int different = 0;
    for (const std::int64_t count : histogram) {
      if (count == 0) continue;
      sum += count;
      last = count;
      ++different;
    }
    const std::int64_t step = (sum - last) / 255;
    if (different <= 1 || step == 0) return;
    std::int64_t below = step / 2;
    for (std::size_t i = 0; i < kValues; ++i) {
      table[i] = static_cast<std::uint8_t>(std::min<std::int64_t>(below / step, 255));
      below += histogram[i];
    }
  });
}

}  // namespace rensa::images
