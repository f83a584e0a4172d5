#include "trainer/datasets/small_pictures.h"

#include "core/device/random.h"
#include "core/error.h"

namespace rensa {

SmallPictures::SmallPictures(PictureTable table, SmallPicturesOptions options)
    : table_(std::move(table)), options_(std::move(options)) {
  const auto channels = static_cast<std::size_t>(table_.channels);
  if (options_.mean.empty()) options_.mean.assign(channels, 0.0f);
  if (options_.std.empty()) options_.std.assign(channels, 1.0f);
  if (options_.mean.size() != channels || options_.std.size() != channels) {
    throw ValueError("SmallPictures: mean has ", options_.mean.size(), " values and std ", options_.std.size(),
                     "; the pictures have ", channels, " channels.");
  }
  if (options_.pad < 0) throw ValueError("SmallPictures: pad = ", options_.pad, " must not be negative.");
  values_.resize(channels * 256);
  for (std::size_t c = 0; c < channels; ++c) {
    if (!(options_.std[c] > 0)) throw ValueError("SmallPictures: std ", options_.std[c], " must be positive.");
    for (std::size_t value = 0; value < 256; ++value) {
      values_[c * 256 + value] = (static_cast<float>(value) / 255 - options_.mean[c]) / options_.std[c];
    }
  }
}

std::vector<FieldSpec> SmallPictures::fields() const {
  const FieldSpec label{{}, Dtype::kInt32, Layout::kRowMajor};
  const Shape chw{table_.channels, table_.height, table_.width};
  if (options_.flat) return {{{total_size(chw)}, Dtype::kFloat32, Layout::kRowMajor}, label};
  return {{chw, Dtype::kFloat32, Layout::kChannelsLast}, label};
}

void SmallPictures::fill(std::int64_t index, const SampleContext& context, const BatchSlot& slot) const {
  check_sample_index(index, size());
  const int height = table_.height, width = table_.width, channels = table_.channels;
  int down = 0, right = 0;  // by how much the crop is shifted against the picture
  bool flip = false;
  if (options_.pad > 0 || options_.flip) {
    RandomStream random(context.seed, Purpose::kAugment, static_cast<std::uint64_t>(context.epoch),
                        static_cast<std::uint64_t>(index));
    const auto places = static_cast<std::uint64_t>(2 * options_.pad + 1);
    down = static_cast<int>(random.below(places)) - options_.pad;
    right = static_cast<int>(random.below(places)) - options_.pad;
    flip = random.uniform() < 0.5 && options_.flip;
  }
  const std::size_t bytes = static_cast<std::size_t>(height) * static_cast<std::size_t>(width * channels);
  const std::uint8_t* pixels = table_.pixels.data() + static_cast<std::size_t>(index) * bytes;
  float* x = slot.data<float>(0).data();
  const int pixel_step = options_.flat ? 1 : channels, channel_step = options_.flat ? height * width : 1;
  for (int y = 0; y < height; ++y) {
    for (int column = 0; column < width; ++column) {
      const int from_y = y + down, from_x = (flip ? width - 1 - column : column) + right;
      const bool inside = from_y >= 0 && from_y < height && from_x >= 0 && from_x < width;
      const std::uint8_t* pixel = inside ? pixels + (from_y * width + from_x) * channels : nullptr;
      float* out = x + (y * width + column) * pixel_step;
      for (int c = 0; c < channels; ++c)
        out[c * channel_step] = values_[static_cast<std::size_t>(c * 256 + (pixel ? pixel[c] : 0))];
    }
  }
  slot.data<std::int32_t>(1)[0] = table_.labels[static_cast<std::size_t>(index)];
}

}  // namespace rensa
