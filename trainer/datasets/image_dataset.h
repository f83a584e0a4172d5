#pragma once

#include <memory>
#include <string>
#include <vector>

#include "trainer/datasets/dataset.h"
#include "trainer/datasets/image_problems.h"
#include "trainer/datasets/image_source.h"
#include "trainer/images/augmentation.h"
#include "trainer/images/view.h"

namespace rensa {

/// Options of ImageDataset.
struct ImageDatasetOptions {
  bool train = true;  ///< random-resized crop and flip; false: resize of the shorter side and centre crop
  images::RandomResizedCropOptions crop = {};  ///< crop.size is the sample's side in both cases
  images::Augmentation augmentation = {};      ///< after crop and flip; of training pictures alone
  int resize = 256;                            ///< shorter side before the centre crop
  images::Normalization normalization = images::kImageNetNormalization;
  /// Samples are {pictures (3, size, size) uint8, t, edits} for a PictureIterator, which makes x of them: cropped,
  /// resized, mirrored and RandAugmented here, in 8 bits; colour jitter and normalization follow there.
  bool raw = false;
  std::int64_t max_bad_images = 100;
  ImageProblems::Report on_problem = nullptr;  ///< told of every bad or damaged file once
};

/// Photographs from anywhere, cropped and resized. Samples are {x (3, size, size) float32 channels-last, t () int32}.
///
/// A picture that cannot be read is reported once, and the next sample that can takes its place (i + 1, i + 2, …, from
/// the start after the last), with that sample's label. This depends on the files alone, so that it is the same on
/// every run. Iterators that do not repeat, as evaluation takes them, leave it out instead. More than max_bad_images
/// bad files end the run with FileError.
class ImageDataset : public InPlaceDataset {
 public:
  /// `decoded`: pictures are decoded whole and kept there as pixels, so that later epochs need not decode them; for
  /// source->size() numbers, 3 bytes a pixel. Null: what a sample shows is decoded each time, reduced where it is
  /// large; pixels then differ a little (see decoding_denominator).
  explicit ImageDataset(std::unique_ptr<ImageSource> source, ImageDatasetOptions options = {},
                        std::shared_ptr<ByteCache> decoded = nullptr);

  std::int64_t size() const override { return source_->size(); }
  std::vector<FieldSpec> fields() const override;
  void fill(std::int64_t index, const SampleContext& context, const BatchSlot& slot) const override;

  /// The folders' names; a label is its place here.
  const std::vector<std::string>& class_names() const { return source_->class_names(); }
  const ImageProblems& problems() const { return *problems_; }  ///< the files that could not be read, so far
  /// Of picture number `index`; for an archive, its name and the member's.
  /// @{
  std::string path(std::int64_t index) const;
  std::int32_t label(std::int64_t index) const;
  /// @}

 private:
  bool try_fill(std::int64_t index, const SampleContext& context, const BatchSlot& slot) const;
  /// Sample `index` from a picture that render() takes, of that height and width.
  template <class Picture>
  void write_sample(Picture& picture, std::int64_t index, const SampleContext& context, const BatchSlot& slot) const;
  bool fill_from_cache(std::int64_t index, const SampleContext& context, const BatchSlot& slot) const;

  const std::unique_ptr<ImageSource> source_;
  const ImageDatasetOptions options_;
  const std::shared_ptr<ByteCache> decoded_;
  std::unique_ptr<ImageProblems> problems_;
};

}  // namespace rensa
