#include "tools/predict_command.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "comm/compute_threads.h"
#include "comm/self/self_communicator.h"
#include "core/autograd/config.h"
#include "core/error.h"
#include "core/functions/softmax.h"
#include "tools/trained_network.h"
#include "trainer/datasets/image_folder.h"
#include "trainer/images/jpeg_reader.h"
#include "trainer/images/view.h"

namespace rensa::tools {
namespace {

namespace fs = std::filesystem;

constexpr const char* kUsage =
    "usage: rensa predict --config FILE --snapshot_file FILE --classes A,B,… PICTURE|FOLDER…\n\n"
    "Asks a trained network about JPEG pictures: one line of JSON for each, {\"file\", \"class\", \"probability\", \"top\"}.\n"
    "A picture that cannot be read gets {\"file\", \"error\"}, and the status is 1. Network and sizes are described by the\n"
    "keys of `rensa train`; the classes are those of the training folder unless --classes names them.";

bool is_picture(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(), [](unsigned char c) { return std::tolower(c); });
  return extension == ".jpg" || extension == ".jpeg";
}

std::vector<std::string> list_pictures(const std::vector<std::string>& given) {
  std::vector<std::string> files;
  for (const std::string& path : given) {
    if (!fs::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
      if (entry.is_regular_file() && is_picture(entry.path())) found.push_back(entry.path().string());
    }
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

std::vector<std::string> class_names(const TrainOptions& options, const std::vector<std::string>& given) {
  if (!given.empty()) return given;
  if (options.data.empty()) throw ConfigError("classes: give --classes A,B,… or the training's --data folder.");
  return ImageFolder(options.data + "/train").class_names();
}

/// The validation view of one file, (1, 3, size, size).
Array load_picture(const std::string& file, const TrainOptions& o) {
  Array x = empty({1, 3, o.size, o.size}, Dtype::kFloat32, {}, Layout::kChannelsLast);
  const std::vector<std::uint8_t> bytes = images::read_image_file(file);
  images::JpegReader reader(bytes, file);
  const images::View view = images::centre_crop(reader.height(), reader.width(), o.resize, o.size);
  images::render(reader, view, images::kImageNetNormalization, x.data<float>());
  return x;
}

nlohmann::json predict(UnaryLink& network, Dtype dtype, const std::string& file, const TrainOptions& o,
                       const std::vector<std::string>& classes) {
  const InferenceMode scope;
  const Variable y = functions::softmax(network(load_picture(file, o).to(dtype)));
  const Array p = y.array().to(Dtype::kFloat32).contiguous();
  const auto order = ranked_classes(p.data<float>(), static_cast<std::int64_t>(classes.size()));
  nlohmann::json top = nlohmann::json::array();
  for (std::size_t i = 0; i < std::min<std::size_t>(5, order.size()); ++i) {
    top.push_back({{"class", classes[static_cast<std::size_t>(order[i])]}, {"probability", p.data<float>()[order[i]]}});
  }
  return {{"file", file}, {"class", top[0]["class"]}, {"probability", top[0]["probability"]}, {"top", top}};
}

int run(const TrainOptions& o, const std::string& snapshot, const std::vector<std::string>& given_classes,
        const std::vector<std::string>& paths) {
  SelfCommunicator self;
  set_compute_threads(self, o.threads);
  const std::vector<std::string> classes = class_names(o, given_classes);
  const auto network =
      load_trained_network(o, snapshot, {3, o.size, o.size}, static_cast<std::int64_t>(classes.size()));
  const Dtype dtype = network->parameters().front()->dtype();
  int status = 0;
  for (const std::string& file : list_pictures(paths)) {
    try {
      std::cout << predict(*network, dtype, file, o, classes) << '\n';
    } catch (const std::exception& error) {
      std::cout << nlohmann::json{{"file", file}, {"error", error.what()}} << '\n';
      status = 1;
    }
  }
  return status;
}

}  // namespace

int predict_command(int argc, char** argv) {
  TrainOptions options;
  std::string snapshot;
  std::vector<std::string> classes, paths;
  OptionTable table(kUsage);
  table.add("snapshot_file", snapshot, "snapshot of the training, or its folder (the newest)");
  table.add("classes", classes, "names of the classes, in order");
  add_train_options(table, options);
  try {
    if (!table.parse(argc, argv, std::cout, &paths)) return 0;
    if (paths.empty()) throw ConfigError("no picture was named.");
    snapshot = find_snapshot(snapshot);
  } catch (const Error& error) {
    std::cerr << "rensa predict: " << error.what() << '\n';
    return 2;
  }
  try {
    return run(options, snapshot, classes, paths);
  } catch (const std::exception& error) {
    std::cerr << "rensa predict: " << error.what() << '\n';
    return 1;
  }
}

}  // namespace rensa::tools
