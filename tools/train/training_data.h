#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comm/communicators/communicator.h"
#include "core/array/shape.h"
#include "tools/train/train_options.h"
#include "trainer/datasets/dataset.h"
#include "trainer/datasets/image_problems.h"
#include "trainer/images/resample.h"
#include "trainer/iterators/picture_iterator.h"

namespace rensa::tools {

/// How a picture becomes a sample for judging: its shorter side made `resize`, the middle `size` x `size` of that, as
/// one grey channel or three, (value / 255 - mean) / std.
struct PictureForm {
  int resize = 256, size = 224, channels = 3;
  images::Normalization normalization = images::kImageNetNormalization;
};

/// What a folder of data holds: MNIST's files, CIFAR-10's, or photographs in folders, lists or shards.
enum class DataKind { kIdx, kCifar, kPhotographs };

/// What `data` holds, opened for training and validation.
struct TrainingData {
  DataKind kind = DataKind::kPhotographs;
  std::shared_ptr<const Dataset> train, validation;
  Shape input;  ///< of one sample
  std::vector<std::string> class_names;
  PictureForm form;
  std::optional<PictureFormOptions> raw;  ///< samples are raw pictures, which a PictureIterator finishes like that
  std::string description;                ///< for the log
};

/// Throws FileError if there is no such folder, if it holds none of them, or more than one kind.
DataKind kind_of_data(const std::string& folder);

/// The classes of the photographs under `data`, in the order of their numbers. Throws FileError if there are none.
std::vector<std::string> photograph_classes(const std::string& data);

/// Opens what `options.data` holds. Throws FileError that says what was expected.
/// `on_problem` is told of each picture that cannot be read or was read with warnings. `comm`: of all ranks, which make
/// this call together: it throws on all of them if they have not the same pictures, and they may share a cache. Null:
/// this process is alone.
TrainingData open_training_data(const TrainOptions& options, const ImageProblems::Report& on_problem,
                                Communicator* comm = nullptr);

}  // namespace rensa::tools
