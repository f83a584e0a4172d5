#include "trainer/datasets/small_pictures.h"

#include <cstring>

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
  options_.augmentation.check();
  if (options_.augmentation.any() && channels != 1 && channels != images::Image::kChannels) {
    throw ValueError("SmallPictures: pictures of ", channels, " channels cannot be augmented; expected 1 or 3.");
  }
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
  if (options_.raw) {
    return {{chw, Dtype::kUInt8, Layout::kChannelsLast},
            label,
            {{kernels::formulas::kEditNumbers}, Dtype::kFloat32, Layout::kRowMajor}};
  }
  if (options_.flat) return {{{total_size(chw)}, Dtype::kFloat32, Layout::kRowMajor}, label};
  return {{chw, Dtype::kFloat32, Layout::kChannelsLast}, label};
}

SmallPictures::Cut SmallPictures::draw_cut(RandomStream& random) const {
  const auto places = static_cast<std::uint64_t>(2 * options_.pad + 1);
  Cut cut;
  cut.down = static_cast<int>(random.below(places)) - options_.pad;
  cut.right = static_cast<int>(random.below(places)) - options_.pad;
  cut.flip = random.uniform() < 0.5 && options_.flip;
  return cut;
}

namespace {

/// Calls use(y, x, pixel) for each pixel of a crop; null: outside the picture.
template <class Use>
void for_each_pixel(const std::uint8_t* pixels, int height, int width, int channels, int down, int right, bool flip,
                    const Use& use) {
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const int from_y = y + down, from_x = (flip ? width - 1 - x : x) + right;
      const bool inside = from_y >= 0 && from_y < height && from_x >= 0 && from_x < width;
      use(y, x, inside ? pixels + (from_y * width + from_x) * channels : nullptr);
    }
  }
}

}  // namespace

images::Image SmallPictures::cut_out(std::int64_t index, const Cut& cut) const {
  const int height = table_.height, width = table_.width, channels = table_.channels;
  images::Image picture(height, width);
  const std::size_t bytes = static_cast<std::size_t>(height) * static_cast<std::size_t>(width * channels);
  for_each_pixel(table_.pixels.data() + static_cast<std::size_t>(index) * bytes, height, width, channels, cut.down,
                 cut.right, cut.flip, [&](int y, int x, const std::uint8_t* pixel) {
                   for (int c = 0; c < images::Image::kChannels; ++c) {
                     picture.at(y, x)[c] = pixel ? pixel[channels == 1 ? 0 : c] : std::uint8_t{0};
                   }
                 });
  return picture;
}

Array SmallPictures::values() const { return array(values_, {table_.channels, 256}); }

void SmallPictures::fill_raw(std::int64_t index, const Cut& cut, RandomStream& random, const BatchSlot& slot) const {
  const std::span<std::uint8_t> out = slot.data<std::uint8_t>(0);
  const std::span<float> edit = slot.data<float>(2);
  if (options_.augmentation.rand_augment.operations == 0) {
    std::memcpy(out.data(), table_.pixels.data() + static_cast<std::size_t>(index) * out.size(), out.size());
    return images::write_edit(cut, options_.augmentation.colour_jitter, random, edit);
  }
  images::Image picture = cut_out(index, cut);
  images::rand_augment(picture, options_.augmentation.rand_augment, random);
  const auto channels = static_cast<std::size_t>(table_.channels);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = picture.row(0)[i / channels * images::Image::kChannels + i % channels];
  }
  images::write_edit({}, options_.augmentation.colour_jitter, random, edit);
}

void SmallPictures::fill(std::int64_t index, const SampleContext& context, const BatchSlot& slot) const {
  check_sample_index(index, size());
  const int height = table_.height, width = table_.width, channels = table_.channels;
  RandomStream random(context.seed, Purpose::kAugment, static_cast<std::uint64_t>(context.epoch),
                      static_cast<std::uint64_t>(index));
  const Cut cut = options_.pad > 0 || options_.flip ? draw_cut(random) : Cut{};
  slot.data<std::int32_t>(1)[0] = table_.labels[static_cast<std::size_t>(index)];
  if (options_.raw) return fill_raw(index, cut, random, slot);
  float* x = slot.data<float>(0).data();
  const int pixel_step = options_.flat ? 1 : channels, channel_step = options_.flat ? height * width : 1;
  const auto write = [&](int y, int column, const std::uint8_t* pixel) {
    float* out = x + (y * width + column) * pixel_step;
    for (int c = 0; c < channels; ++c)
      out[c * channel_step] = values_[static_cast<std::size_t>(c * 256 + (pixel ? pixel[c] : 0))];
  };
  if (options_.augmentation.any()) {
    images::Image picture = cut_out(index, cut);
    images::augment(picture, options_.augmentation, random);
    for_each_pixel(picture.row(0), height, width, images::Image::kChannels, 0, 0, false, write);
  } else {
    const std::size_t bytes = static_cast<std::size_t>(height) * static_cast<std::size_t>(width * channels);
    for_each_pixel(table_.pixels.data() + static_cast<std::size_t>(index) * bytes, height, width, channels, cut.down,
                   cut.right, cut.flip, write);
  }
}

}  // namespace rensa
