#include "tools/predict_command.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "comm/compute_threads.h"
#include "comm/self/self_communicator.h"
#include "core/autograd/inference_mode.h"
#include "core/error.h"
#include "core/functions/softmax.h"
#include "tools/json_line.h"
#include "tools/options/wrong_usage.h"
#include "tools/train/model_setup.h"
#include "tools/train/training_data.h"
#include "tools/trained_network.h"
#include "trainer/datasets/image_folder.h"
#include "trainer/images/file_kind.h"
#include "trainer/images/jpeg_reader.h"
#include "trainer/images/view.h"

namespace rensa::tools {
namespace {

namespace fs = std::filesystem;

constexpr const char* kUsage =
    "usage: rensa predict --config FILE --snapshot_file FILE [--classes A,B,…]\n"
    "                     PICTURE|FOLDER…\n\n"
    "Asks a trained network about JPEG pictures: one line of JSON for each, {\"file\",\n"
    "\"class\", \"probability\", \"top\"}. A picture that cannot be read gets {\"file\",\n"
    "\"error\"}, and the status is 1. Network and sizes are described by the keys of\n"
    "`rensa train`; the classes are those of the training folder unless --classes\n"
    "names them. A network for MNIST's or CIFAR-10's files gets each picture in their\n"
    "size and colours, and needs --data for the statistics of the pixels; one for\n"
    "photographs does without it: --data \"\" and --classes.";

std::vector<std::string> list_pictures(const std::vector<std::string>& given) {
  std::vector<std::string> files;
  for (const std::string& path : given) {
    if (!fs::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    const std::vector<std::string> found = images::list_jpegs(path);
    if (found.empty()) throw FileError(path, ": has no .jpg or .jpeg files in it.");
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

/// What the network expects and answers.
struct Task {
  std::vector<std::string> classes;
  Shape input;  ///< of one sample
  PictureForm form;
};

/// Photographs need nothing but sizes and names; small pictures also the statistics of their training set. So a folder
/// that is named must be there: without it a network for small pictures would be shown something else.
Task find_task(const TrainOptions& o, const std::vector<std::string>& given) {
  if (given.empty() && o.data.empty()) {
    throw ConfigError("classes: give --classes A,B,… or the training's --data folder.");
  }
  if (!o.data.empty() && !fs::is_directory(o.data)) {
    throw FileError(o.data,
                    ": there is no such folder (key data). A network for photographs does without it: --data \"\" "
                    "and --classes A,B,…");
  }
  if (!o.data.empty() && kind_of_data(o.data) != DataKind::kPhotographs) {
    const TrainingData data = open_training_data(o, nullptr);
    return {given.empty() ? data.class_names : given, data.input, data.form};
  }
  return {
      given.empty() ? photograph_classes(o.data) : given, {3, o.size, o.size}, {.resize = o.resize, .size = o.size}};
}

/// (1, 3, H, W) in [0, 1] as one normalized channel: luminance by ITU-R BT.601, which is also JPEG's.
Array grey(const Array& rgb, const images::Normalization& normalization) {
  Array y = empty({1, 1, rgb.shape()[2], rgb.shape()[3]});
  const float* pixel = rgb.data<float>();  // channels-last
  for (std::int64_t i = 0; i < y.size(); ++i, pixel += 3) {
    const float value = 0.299f * pixel[0] + 0.587f * pixel[1] + 0.114f * pixel[2];
    y.data<float>()[i] = (value - normalization.mean[0]) / normalization.std[0];
  }
  return y;
}

/// One file as a batch of one sample.
Array load_picture(const std::string& file, const Task& task) {
  const PictureForm& form = task.form;
  const bool colour = form.channels == 3;
  Array x = empty({1, 3, form.size, form.size}, Dtype::kFloat32, {}, Layout::kChannelsLast);
  const std::vector<std::uint8_t> bytes = images::read_image_file(file);
  images::JpegReader reader(bytes, file);
  const images::View view = images::centre_crop(reader.height(), reader.width(), form.resize, form.size);
  images::render(reader, view, colour ? form.normalization : images::Normalization{}, x.data<float>());
  if (!colour) x = grey(x, form.normalization);
  Shape batch = task.input;
  batch.insert(0, 1);
  return x.reshape(batch);
}

using Json = nlohmann::ordered_json;  // the name of the file comes first

Json predict(UnaryLink& network, const std::string& file, const Task& task) {
  const Dtype dtype = network.parameters().front()->dtype();
  const Variable y = network(load_picture(file, task).to(network.device()).to(dtype));
  // 16 bits make unlikely classes equal: they are ranked, and probabilities computed, in float32
  const Array scores = y.array().to(Device{}).to(Dtype::kFloat32).contiguous();
  const auto order = ranked_classes(scores.data<float>(), static_cast<std::int64_t>(task.classes.size()));
  const Array p = functions::softmax(scores).array();
  Json top = Json::array();
  for (std::size_t i = 0; i < std::min<std::size_t>(5, order.size()); ++i) {
    top.push_back(
        {{"class", task.classes[static_cast<std::size_t>(order[i])]}, {"probability", p.data<float>()[order[i]]}});
  }
  return {{"file", file}, {"class", top[0]["class"]}, {"probability", top[0]["probability"]}, {"top", top}};
}

int run(const TrainOptions& o, const std::string& given_snapshot, const std::vector<std::string>& given_classes,
        const std::vector<std::string>& paths) {
  SelfCommunicator self;
  set_compute_threads(self, o.threads);
  const std::string snapshot = find_snapshot(given_snapshot, self, damage_on_stderr("predict"));
  const Task task = find_task(o, given_classes);
  const auto network = load_trained_network(o, snapshot, task.input, static_cast<std::int64_t>(task.classes.size()));
  network->to(prepared_device(o, self));
  const InferenceMode scope;
  int status = 0;
  for (const std::string& file : list_pictures(paths)) {
    try {
      std::cout << json_text(predict(*network, file, task)) << '\n';
    } catch (const std::exception& error) {
      std::cout << json_text(Json{{"file", file}, {"error", error.what()}}) << '\n';
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
    require_snapshot(snapshot);
    check_combinations(options);
    options.augment_on = "host";  // a training's configuration may say otherwise
  } catch (const Error& error) {
    return wrong_usage("predict", error);
  }
  try {
    return run(options, snapshot, classes, paths);
  } catch (const std::exception& error) {
    std::cerr << "rensa predict: " << error.what() << '\n';
    return 1;
  }
}

}  // namespace rensa::tools
