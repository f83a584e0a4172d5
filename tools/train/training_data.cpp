#include "tools/train/training_data.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>

#include "core/error.h"
#include "tools/train/same_data.h"
#include "trainer/datasets/image_dataset.h"
#include "trainer/datasets/image_source.h"
#include "trainer/datasets/picture_table.h"
#include "trainer/datasets/small_pictures.h"
#include "trainer/images/picture_edit.h"

namespace rensa::tools {
namespace {

namespace fs = std::filesystem;

/// Mean and deviation of each channel over the training pictures, on [0, 1].
void normalize_by(const PictureTable& table, SmallPicturesOptions& options) {
  const auto channels = static_cast<std::size_t>(table.channels);
  std::vector<double> sum(channels), squares(channels);
  for (std::size_t i = 0; i < table.pixels.size(); ++i) {
    const double value = table.pixels[i] / 255.0;
    sum[i % channels] += value;
    squares[i % channels] += value * value;
  }
  const double count = static_cast<double>(table.pixels.size()) / static_cast<double>(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    const double mean = sum[c] / count, variance = squares[c] / count - mean * mean;
    options.mean.push_back(static_cast<float>(mean));
    options.std.push_back(static_cast<float>(variance > 1e-8 ? std::sqrt(variance) : 1));
  }
}

/// How raw pictures are finished for the network that trains.
PictureFormOptions finished(const Array& values, const TrainOptions& options, bool flat) {
  return {.values = values,
          .changes_colours = augmentation(options).colour_jitter.any(),
          .flat = flat,
          .dtype = options.dtype == "mixed16"    ? Dtype::kFloat16
                   : options.dtype == "bfloat16" ? Dtype::kBFloat16
                                                 : Dtype::kFloat32};
}

void check_same_form(const PictureTable& train, const PictureTable& test, const std::string& folder) {
  const auto form = [](const PictureTable& table) { return std::array{table.height, table.width, table.channels}; };
  if (form(train) == form(test)) return;
  const auto text = [](const PictureTable& table) {
    return detail::join(table.height, " x ", table.width, " x ", table.channels);
  };
  throw FileError(folder, ": the training pictures are ", text(train), " (height, width, channels), but the test ",
                  "pictures are ", text(test), ". Are these the files of one data set?");
}

bool shares_data(const Communicator* comm) { return comm != nullptr && comm->size() > 1; }

TrainingData small_pictures(PictureTable train, PictureTable test, const TrainOptions& options, DataKind kind,
                            Communicator* comm) {
  check_same_form(train, test, options.data);
  if (shares_data(comm)) {
    check_same_data(summary_of(train), "training", options.data, *comm);
    check_same_data(summary_of(test), "test", options.data, *comm);
  }
  TrainingData data;
  data.kind = kind;
  data.class_names = train.class_names;
  const bool raw = options.augment_on == "device";
  SmallPicturesOptions judged{.flat = options.arch == "mlp", .raw = raw};
  normalize_by(train, judged);
  SmallPicturesOptions trained = judged;
  if (options.augment && !trained.flat) {
    trained.pad = kind == DataKind::kCifar ? 4 : 2;
    trained.flip = true;
    trained.augmentation = augmentation(options);
  }
  data.input = trained.flat ? Shape{static_cast<std::int64_t>(train.channels) * train.height * train.width}
                            : Shape{train.channels, train.height, train.width};
  data.description =
      detail::join(train.count(), " + ", test.count(), " pictures of ", train.height, " x ", train.width);
  data.form = {.resize = train.height, .size = train.height, .channels = train.channels, .normalization = {}};
  std::copy(judged.mean.begin(), judged.mean.end(), data.form.normalization.mean.begin());
  std::copy(judged.std.begin(), judged.std.end(), data.form.normalization.std.begin());
  auto trained_on = std::make_shared<SmallPictures>(std::move(train), trained);
  if (raw) data.raw = finished(trained_on->values(), options, trained.flat);
  data.train = std::move(trained_on);
  data.validation = std::make_shared<SmallPictures>(std::move(test), judged);
  return data;
}

std::shared_ptr<ByteCache> make_cache(std::int64_t count, const TrainOptions& options, Communicator* comm) {
  const std::int64_t bytes = options.cache_mib << 20;
  if (!options.cache_shared || comm == nullptr) return make_memory_cache(count, bytes);
  if (auto shared = make_node_cache(*comm, count, bytes)) return shared;
  const std::int64_t share = bytes / comm->intra_size();
  spdlog::warn("cache_shared: the ranks of this node cannot share memory; each keeps {} MiB of its own", share >> 20);
  return make_memory_cache(count, share);
}

/// A data set over `source`, with a cache in front of it or of the decoder if there is to be one.
std::shared_ptr<ImageDataset> make_dataset(std::unique_ptr<ImageSource> source, ImageDatasetOptions form,
                                           const TrainOptions& options, Communicator* comm) {
  if (options.cache_mib == 0) return std::make_shared<ImageDataset>(std::move(source), std::move(form));
  std::shared_ptr<ByteCache> cache = make_cache(source->size(), options, comm);
  if (options.cache_decoded) {
    return std::make_shared<ImageDataset>(std::move(source), std::move(form), std::move(cache));
  }
  return std::make_shared<ImageDataset>(keep_in_memory(std::move(source), std::move(cache)), std::move(form));
}

TrainingData photographs(std::unique_ptr<ImageSource> train, std::unique_ptr<ImageSource> judged,
                         const TrainOptions& options, const ImageProblems::Report& on_problem, Communicator* comm) {
  if (shares_data(comm)) {
    check_same_data(summary_of(*train, options.data), "training", options.data, *comm);
    check_same_data(summary_of(*judged, options.data), "validation", options.data, *comm);
  }
  ImageDatasetOptions form{
      .train = options.augment, .max_bad_images = options.max_bad_images, .on_problem = on_problem};
  form.crop.size = options.size;
  form.crop.min_scale = options.min_scale;
  form.resize = options.resize;
  form.augmentation = augmentation(options);
  form.raw = options.augment_on == "device";
  TrainingData data;
  if (form.raw) data.raw = finished(images::normalized_values(form.normalization), options, /*flat=*/false);
  data.class_names = train->class_names();
  data.train = make_dataset(std::move(train), form, options, comm);
  form.train = false;
  data.validation = make_dataset(std::move(judged), form, options, comm);
  data.input = {3, options.size, options.size};
  data.form = {.resize = options.resize, .size = options.size};
  data.description = detail::join(data.train->size(), " + ", data.validation->size(), " photographs");
  return data;
}

TrainingData idx_pictures(const TrainOptions& options, Communicator* comm) {
  // Fashion-MNIST has MNIST's file names; its folder's name tells.
  const bool fashion = fs::canonical(options.data).filename().string().find("fashion") != std::string::npos;
  PictureTable train =
      read_idx_folder(options.data, Split::kTrain, fashion ? fashion_mnist_class_names() : std::vector<std::string>());
  // a label that no training picture has is no class of the network
  PictureTable test = read_idx_folder(options.data, Split::kTest, train.class_names);
  return small_pictures(std::move(train), std::move(test), options, DataKind::kIdx, comm);
}

bool has_idx(const fs::path& folder) {
  return fs::exists(folder / "train-images-idx3-ubyte") || fs::exists(folder / "train-images-idx3-ubyte.gz");
}

bool has_cifar(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().string().starts_with("data_batch_") && entry.path().extension() == ".bin") return true;
  }
  return false;
}

}  // namespace

DataKind kind_of_data(const std::string& folder) {
  if (!fs::is_directory(folder)) throw FileError(folder, ": there is no such folder (key data).");
  std::vector<std::pair<DataKind, std::string>> found;
  if (has_idx(folder)) found.emplace_back(DataKind::kIdx, "MNIST's files (train-images-idx3-ubyte…)");
  if (has_cifar(folder)) found.emplace_back(DataKind::kCifar, "CIFAR-10's data_batch_*.bin");
  if (photograph_form(folder, "train") != PhotographForm::kNone) {
    found.emplace_back(DataKind::kPhotographs, "pictures (train.txt, train/ or train-*.tar)");
  }
  if (found.empty()) {
    throw FileError(folder,
                    ": expected MNIST's files (train-images-idx3-ubyte…), CIFAR-10's data_batch_*.bin, or pictures: "
                    "the folders train/<class> and val/<class>, the lists train.txt and val.txt, or the shards "
                    "train-*.tar and val-*.tar; found none of them.");
  }
  if (found.size() > 1) {
    throw FileError(folder, ": holds ", found[0].second, " and ", found[1].second,
                    ". Keep each data set in a folder of its own.");
  }
  return found.front().first;
}

std::vector<std::string> photograph_classes(const std::string& data) {
  return open_photographs(data, "train")->class_names();
}

TrainingData open_training_data(const TrainOptions& options, const ImageProblems::Report& on_problem,
                                Communicator* comm) {
  if (options.data.empty())
    throw ConfigError("data: no folder was given. Add --data FOLDER, or data = FOLDER to the file.");
  switch (kind_of_data(options.data)) {
    case DataKind::kIdx:
      return idx_pictures(options, comm);
    case DataKind::kCifar:
      return small_pictures(read_cifar10_folder(options.data, Split::kTrain),
                            read_cifar10_folder(options.data, Split::kTest), options, DataKind::kCifar, comm);
    case DataKind::kPhotographs:
      break;
  }
  auto train = open_photographs(options.data, "train");
  auto judged = open_photographs(options.data, "val", train->class_names());
  return photographs(std::move(train), std::move(judged), options, on_problem, comm);
}

}  // namespace rensa::tools
