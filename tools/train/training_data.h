#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/array/shape.h"
#include "tools/train/train_options.h"
#include "trainer/datasets/dataset.h"
#include "trainer/datasets/image_folder.h"

namespace rensa::tools {

/// What `data` holds, opened for training and validation.
struct TrainingData {
  std::shared_ptr<const Dataset> train, validation;
  Shape input;  ///< of one sample
  std::vector<std::string> class_names;
  std::string description;  ///< for the log
};

/// Finds out what kind of folder `options.data` is. Throws FileError that says what was expected.
/// `on_problem` is told of each picture that cannot be read or was read with warnings.
TrainingData open_training_data(const TrainOptions& options, const ImageProblems::Report& on_problem);


}  // namespace rensa::tools
