#include "trainer/images/colour.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"
#include "core/kernels/formulas/colour.h"

namespace rensa::images {
namespace {

using namespace kernels::formulas;

constexpr int kValues = 256;
using Table = std::array<std::uint8_t, kValues>;

std::uint8_t cut(double value) { return static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0)); }

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
  const int mean = mean_grey(sum, static_cast<std::int64_t>(pixels(image)));
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
  const std::uint8_t steps = hue_steps(shift);
  for (std::uint8_t* pixel = image.row(0); pixel != image.row(0) + image.bytes(); pixel += Image::kChannels) {
    turn_hue(pixel, steps);
  }
}

std::uint8_t hue_steps(double shift) { return static_cast<std::uint8_t>(static_cast<int>(shift * 255)); }

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
