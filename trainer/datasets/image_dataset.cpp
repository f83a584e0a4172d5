#include "trainer/datasets/image_dataset.h"

#include <array>
#include <cstring>

#include "core/device/random.h"
#include "core/error.h"
#include "trainer/images/image_error.h"
#include "trainer/images/picture_edit.h"

namespace rensa {

ImageDataset::ImageDataset(std::unique_ptr<ImageSource> source, ImageDatasetOptions options,
                           std::shared_ptr<ByteCache> decoded)
    : source_(std::move(source)), options_(std::move(options)), decoded_(std::move(decoded)) {
  if (!options_.train) images::centre_crop(1, 1, options_.resize, options_.crop.size);  // refuses sizes that cannot be
  if (options_.crop.size < 1) throw ValueError("a side of ", options_.crop.size, " pixels must be positive.");
  options_.augmentation.check();
  problems_ = std::make_unique<ImageProblems>(options_.max_bad_images, options_.on_problem);
}

std::string ImageDataset::path(std::int64_t index) const {
  check_sample_index(index, size());
  return source_->name(index);
}

std::int32_t ImageDataset::label(std::int64_t index) const {
  check_sample_index(index, size());
  return source_->label(index);
}

std::vector<FieldSpec> ImageDataset::fields() const {
  const std::int64_t side = options_.crop.size;
  std::vector<FieldSpec> fields{
      {{images::Image::kChannels, side, side}, options_.raw ? Dtype::kUInt8 : Dtype::kFloat32, Layout::kChannelsLast},
      {{}, Dtype::kInt32, Layout::kRowMajor}};
  if (options_.raw) fields.push_back({{kernels::formulas::kEditNumbers}, Dtype::kFloat32, Layout::kRowMajor});
  return fields;
}

void ImageDataset::fill(std::int64_t index, const SampleContext& context, const BatchSlot& slot) const {
  check_sample_index(index, size());
  const std::int64_t candidates = context.may_replace ? size() : 1;
  for (std::int64_t tries = 0; tries < candidates; ++tries) {
    if (try_fill((index + tries) % size(), context, slot)) return;
  }
  if (!context.may_replace) throw MissingSample(source_->name(index), ": cannot be read.");
  throw FileError(source_->name(index), " and the ", size() - 1, " other pictures: none can be read.");
}

template <class Picture>
void ImageDataset::write_sample(Picture& picture, std::int64_t index, const SampleContext& context,
                                const BatchSlot& slot) const {
  RandomStream random(context.seed, Purpose::kAugment, static_cast<std::uint64_t>(context.epoch),
                      static_cast<std::uint64_t>(index));
  const images::View view =
      options_.train ? images::random_resized_crop(picture.height(), picture.width(), options_.crop, random)
                     : images::centre_crop(picture.height(), picture.width(), options_.resize, options_.crop.size);
  slot.data<std::int32_t>(1)[0] = label(index);
  if (options_.raw) {
    images::Image sample = images::render_image(picture, view);
    const images::Augmentation& wanted = options_.augmentation;
    if (options_.train) images::rand_augment(sample, wanted.rand_augment, random);
    std::memcpy(slot.data<std::uint8_t>(0).data(), sample.row(0), sample.bytes());
    return images::write_edit({}, options_.train ? wanted.colour_jitter : images::ColourJitterOptions{}, random,
                              slot.data<float>(2));
  }
  float* const x = slot.data<float>(0).data();
  if (options_.train && options_.augmentation.any()) {
    images::Image sample = images::render_image(picture, view);
    images::augment(sample, options_.augmentation, random);
    images::normalize(sample, options_.normalization, x);
  } else {
    images::render(picture, view, options_.normalization, x);
  }
}

bool ImageDataset::fill_from_cache(std::int64_t index, const SampleContext& context, const BatchSlot& slot) const {
  images::Image picture;
  bool is_whole = false;
  decoded_->visit(index, [&](ByteCache::Bytes kept) {
    std::array<std::int32_t, 2> sides{};
    if (kept.size() < sizeof sides) return;
    std::memcpy(sides.data(), kept.data(), sizeof sides);
    picture = images::Image(sides[0], sides[1]);
    is_whole = kept.size() == sizeof sides + picture.bytes();
    if (is_whole) std::memcpy(picture.row(0), kept.data() + sizeof sides, picture.bytes());
  });
  if (is_whole) write_sample(picture, index, context, slot);
  return is_whole;
}

bool ImageDataset::try_fill(std::int64_t index, const SampleContext& context, const BatchSlot& slot) const {
  if (decoded_ && fill_from_cache(index, context, slot)) return true;
  const std::string file = path(index);
  try {
    const std::vector<std::uint8_t> bytes = source_->read(index);
    images::JpegReader reader(bytes, file);
    if (decoded_) {
      const images::Image picture = reader.decode();
      const std::array<std::int32_t, 2> sides{picture.height(), picture.width()};
      decoded_->put(index, {{reinterpret_cast<const std::uint8_t*>(sides.data()), sizeof sides},
                            {picture.row(0), picture.bytes()}});
      write_sample(picture, index, context, slot);
    } else {
      write_sample(reader, index, context, slot);
    }
    if (reader.warnings() > 0) problems_->add({index, file, reader.first_warning(), /*bad=*/false});
    return true;
  } catch (const images::ImageError& error) {
    problems_->add({index, file, error.reason(), /*bad=*/true,
                    /*left_out=*/!context.may_replace && !context.asker_replaces});
    return false;
  }
}

}  // namespace rensa
