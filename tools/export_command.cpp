#include "tools/export_command.h"

#include <charconv>
#include <iostream>

#include "comm/self/self_communicator.h"
#include "core/error.h"
#include "core/models/model.h"
#include "core/serializers/weights.h"
#include "tools/options/wrong_usage.h"
#include "tools/train/model_setup.h"
#include "tools/train/train_options.h"
#include "tools/trained_network.h"

namespace rensa::tools {
namespace {

constexpr const char* kUsage =
    "usage: rensa export --snapshot_file FILE --arch resnet50\n"
    "                    --weights OUT.safetensors [--classes N]\n"
    "                    [--input 3x224x224]\n\n"
    "Writes the weights of a network under the names of another format: PyTorch's\n"
    "(.safetensors), Chainer's npz, HDF5 (.h5). FILE may be of any of them too, or a\n"
    "snapshot of a training. A file of another network is refused with all that\n"
    "differs.";

/// "3x224x224" as a shape.
Shape parse_input(const std::string& text) {
  Shape shape;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    std::int64_t size = 0;
    const auto [stop, error] = std::from_chars(at, end, size);
    if (error != std::errc() || size < 1 || shape.ndim() == 3) break;
    shape.push_back(size);
    if (stop == end) return shape;
    if (*stop != 'x') break;
    at = stop + 1;
  }
  throw ConfigError("input: \"", text, "\" is not the shape of a sample, expected for example 3x224x224, or 784.");
}

}  // namespace

int export_command(int argc, char** argv) {
  TrainOptions options;
  std::string snapshot, weights, input_text = "3x224x224";
  std::int64_t classes = 1000;
  Shape input;
  OptionTable table(kUsage);
  table.add("snapshot_file", snapshot, "snapshot of a training (or its folder: the newest), or a file of weights");
  table.add("weights", weights, "file to write; its name says the format");
  table.add("classes", classes, "number of classes", {.min = 1});
  table.add("input", input_text, "shape of a sample");
  table.add("arch", options.arch, "network", {.choices = models::model_names()});
  table.add("units", options.units, "units of the hidden layers of mlp", {.min = 1});
  table.add("width", options.width, "channels of the first stage of a convolutional network", {.min = 1});
  table.add("dtype", options.dtype, "type of the weights", {.choices = {"float32", "float64"}});
  try {
    if (!table.parse(argc, argv, std::cout)) return 0;
    if (weights.empty()) throw ConfigError("weights: no file was given. Add --weights OUT.safetensors.");
    require_snapshot(snapshot);
    input = parse_input(input_text);
  } catch (const Error& error) {
    return wrong_usage("export", error);
  }
  try {
    const auto network = make_network(options, input, classes);
    SelfCommunicator self;
    // the file's own dtype may be another: mixed16 saves float16
    load_weights(*network, find_snapshot(snapshot, self, damage_on_stderr("export")), {.convert = true});
    save_weights(*network, weights);
    std::cout << weights << ": " << network->count_parameters() << " parameters of " << options.arch << '\n';
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "rensa export: " << error.what() << '\n';
    return 1;
  }
}

}  // namespace rensa::tools
