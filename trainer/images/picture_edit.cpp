#include "trainer/images/picture_edit.h"

#include <algorithm>

#include "trainer/images/colour.h"

namespace rensa::images {

using namespace kernels::formulas;

void write_edit(const PictureCut& cut, const ColourJitterOptions& jitter, RandomStream& random, std::span<float> edit) {
  std::fill(edit.begin(), edit.end(), 0.0f);
  edit[kDown] = static_cast<float>(cut.down);
  edit[kRight] = static_cast<float>(cut.right);
  edit[kFlip] = cut.flip ? 1 : 0;
  if (!jitter.any()) return;
  const ColourJitter drawn = draw_colour_jitter(jitter, random);
  const double asked[] = {jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue};
  constexpr ColourChange kChange[] = {kOfBrightness, kOfContrast, kOfSaturation, kOfHue};
  for (std::size_t i = 0; i < drawn.order.size(); ++i) {
    const auto which = static_cast<std::size_t>(drawn.order[i]);
    edit[kChanges + i] = static_cast<float>(asked[which] > 0 ? kChange[which] : kNoChange);
  }
  edit[kBrightness] = static_cast<float>(drawn.brightness);
  edit[kContrast] = static_cast<float>(drawn.contrast);
  edit[kSaturation] = static_cast<float>(drawn.saturation);
  edit[kHue] = static_cast<float>(hue_steps(drawn.hue));
}

Array normalized_values(const Normalization& normalization) {
  Image all(1, 256);
  for (int value = 0; value < 256; ++value) {
    std::fill_n(all.at(0, value), Image::kChannels, static_cast<std::uint8_t>(value));
  }
  const Array pixels = empty({256, Image::kChannels});
  normalize(all, normalization, pixels.data<float>());
  return pixels.transpose().copy();
}

}  // namespace rensa::images
