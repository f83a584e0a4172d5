#pragma once

#include <string>
#include <vector>

#include "trainer/datasets/image_dataset.h"

namespace rensa {

using ImageFolderOptions = ImageDatasetOptions;  ///< options of ImageFolder

/// Photographs in one folder for each class: the pictures of open_image_folder(). `class_names`: of a validation
/// folder the training folder's, so that the numbers agree; empty: the folder's own.
class ImageFolder final : public ImageDataset {
 public:
  explicit ImageFolder(const std::string& root, const ImageFolderOptions& options = {},
                       const std::vector<std::string>& class_names = {})
      : ImageDataset(open_image_folder(root, class_names), options) {}
};

}  // namespace rensa
