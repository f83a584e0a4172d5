#pragma once

#include <vector>

#include "trainer/datasets/dataset.h"
#include "trainer/datasets/picture_table.h"
#include "trainer/images/augmentation.h"
#include "trainer/images/picture_edit.h"

namespace rensa {

/// Options of SmallPictures.
struct SmallPicturesOptions {
  int pad = 0;        ///< > 0: pads every side with zeros and takes a crop of the original size at a random place
  bool flip = false;  ///< mirrors every second picture, by chance
  images::Augmentation augmentation = {};  ///< after crop and flip; grey pictures count as having three equal channels
  bool flat = false;  ///< x is (C * H * W) in the order C, H, W, for networks of fully connected layers
  std::vector<float> mean = {}, std = {};  ///< of each channel, on [0, 1]; empty: 0 and 1
  /// Samples are {pictures (C, H, W) uint8, t, edits} for a PictureIterator, which makes x of them: the bytes as they
  /// are, and what was drawn. RandAugment is made here, and then crop and flip, too.
  bool raw = false;
};

/// The pictures of a table as (value / 255 - mean) / std, {x (C, H, W) float32 channels-last, t () int32}, with the
/// usual augmentation of CIFAR-10: 4 pixels of padding, a random crop, a random flip.
/// Source: He et al., "Deep Residual Learning for Image Recognition" (2016), section 4.2. The padding is zero before
/// normalization (black), as torchvision's transforms have it in the usual order.
class SmallPictures final : public InPlaceDataset {
 public:
  /// Throws ValueError if mean or std has another size than the channels, a std is not positive, pad is negative, or an
  /// augmentation is asked for of pictures that have neither one channel nor three.
  SmallPictures(PictureTable table, SmallPicturesOptions options);

  std::int64_t size() const override { return table_.count(); }
  std::vector<FieldSpec> fields() const override;
  void fill(std::int64_t index, const SampleContext& context, const BatchSlot& slot) const override;

  /// Names of the classes, in the order of their numbers.
  const std::vector<std::string>& class_names() const { return table_.class_names; }
  const PictureTable& table() const { return table_; }  ///< the pictures as they were read
  /// (channels, 256): every byte normalized.
  Array values() const;

 private:
  using Cut = images::PictureCut;
  Cut draw_cut(RandomStream& random) const;
  images::Image cut_out(std::int64_t index, const Cut& cut) const;
  void fill_raw(std::int64_t index, const Cut& cut, RandomStream& random, const BatchSlot& slot) const;

  PictureTable table_;
  SmallPicturesOptions options_;
  std::vector<float> values_;  ///< (channels, 256): every byte normalized
};

}  // namespace rensa
