#pragma once

#include <memory>
#include <string>
#include <vector>

#include "trainer/datasets/dataset.h"
#include "trainer/datasets/image_problems.h"
#include "trainer/images/view.h"

namespace rensa {

struct ImageFolderOptions {
  bool train = true;  ///< random-resized crop and flip; false: resize of the shorter side and centre crop
  images::RandomResizedCropOptions crop = {};  ///< crop.size is the sample's side in both cases
  int resize = 256;                            ///< shorter side before the centre crop
  images::Normalization normalization = images::kImageNetNormalization;
  /// Of a validation folder: the training folder's classes, so that the numbers agree. Empty: the folder's own.
  std::vector<std::string> class_names = {};
  std::int64_t max_bad_images = 100;
  ImageProblems::Report on_problem = nullptr;  ///< told of every bad or damaged file once
};

/// Photographs in one folder for each class, ROOT/<class>/**/*.jpg (or .jpeg, in capitals too): ImageNet's layout.
/// Classes are numbered in the order of their names, pictures in the order of their paths.
/// Samples are {x (3, size, size) float32 channels-last, t () int32}.
///
/// A file that cannot be read is reported once, and the next sample that can takes its place (i + 1, i + 2, …, from
/// the start after the last), with that sample's label. This depends on the files alone, so that it is the same on
/// every run. More than max_bad_images bad files end the run with FileError.
class ImageFolder final : public InPlaceDataset {
 public:
  /// Lists the files. Throws FileError if the folder is missing, has no class folders, a class has no pictures, or one
  /// is not in `class_names`.
  explicit ImageFolder(const std::string& root, ImageFolderOptions options = {});

  std::int64_t size() const override { return static_cast<std::int64_t>(files_.size()); }
  std::vector<FieldSpec> fields() const override;
  void fill(std::int64_t index, const SampleContext& context, const BatchSlot& slot) const override;

  const std::vector<std::string>& class_names() const { return options_.class_names; }
  const ImageProblems& problems() const { return *problems_; }
  std::string path(std::int64_t index) const;
  std::int32_t label(std::int64_t index) const;

 private:
  struct File {
    std::string path;  ///< below root
    std::int32_t label;
  };
  void list_class(const std::string& name, std::int32_t label);
  bool try_fill(std::int64_t index, const SampleContext& context, const BatchSlot& slot) const;

  std::string root_;
  ImageFolderOptions options_;
  std::vector<File> files_;
  std::unique_ptr<ImageProblems> problems_;
};

}  // namespace rensa
