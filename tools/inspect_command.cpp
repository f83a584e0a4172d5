#include "tools/inspect_command.h"

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "comm/self/self_communicator.h"
#include "core/error.h"
#include "core/models/model.h"
#include "core/models/model_table.h"
#include "core/serializers/file_reader.h"
#include "core/serializers/safetensors.h"
#include "tools/json_line.h"
#include "tools/options/option_table.h"
#include "tools/options/wrong_usage.h"
#include "tools/trained_network.h"

namespace rensa::tools {
namespace {

constexpr const char* kUsage =
    "usage: rensa inspect model --arch NAME [--key value …]\n"
    "       rensa inspect snapshot FILE|FOLDER\n"
    "\n"
    "  model      a network's operations: link, result, parameters, multiply-adds\n"
    "  snapshot   the keys of a snapshot, or of a file of weights (.npz, .h5,\n"
    "             .safetensors), with their types and shapes\n";

struct ModelKeys {
  std::string arch = "resnet50";
  std::int64_t channels = 3, size = 224, classes = 1000, units = 1000, width = 64;
  bool json = false;
};

void print(const std::vector<models::LayerRow>& rows, std::int64_t parameters) {
  std::size_t path = 4, operation = 9, output = 6;
  for (const models::LayerRow& row : rows) {
    path = std::max(path, row.path.size());
    operation = std::max(operation, row.operation.size());
    output = std::max(output, detail::join(row.output).size());
  }
  const auto line = [&](const std::string& p, const std::string& o, const std::string& y, const std::string& n,
                        const std::string& m) {
    std::cout << std::left << std::setw(static_cast<int>(path) + 2) << p << std::setw(static_cast<int>(operation) + 2)
              << o << std::setw(static_cast<int>(output)) << y << std::right << std::setw(13) << n << std::setw(15) << m
              << '\n';
  };
  line("link", "operation", "result", "parameters", "multiply-adds");
  std::int64_t multiply_adds = 0;
  for (const models::LayerRow& row : rows) {
    line(row.path, row.operation, detail::join(row.output), row.parameters > 0 ? std::to_string(row.parameters) : "",
         row.multiply_adds > 0 ? std::to_string(row.multiply_adds) : "");
    multiply_adds += row.multiply_adds;
  }
  line("", "", "", std::to_string(parameters), std::to_string(multiply_adds));
}

int inspect_model(int argc, char** argv) {
  ModelKeys o;
  OptionTable table(
      "usage: rensa inspect model --arch NAME [--key value …]\n\n"
      "The operations of a network on one sample. Multiply-adds are those of\n"
      "convolutions, linear layers, products and attention, as the literature counts.");
  table.add("arch", o.arch, "network", {.choices = models::model_names()});
  table.add("channels", o.channels, "of a picture", {.min = 1});
  table.add("size", o.size, "side of a picture, in pixels", {.min = 1});
  table.add("classes", o.classes, "of the answer", {.min = 1});
  table.add("units", o.units, "units of the hidden layers of mlp", {.min = 1});
  table.add("width", o.width, "channels of the first stage of a convolutional network", {.min = 1});
  table.add("json", o.json, "prints a line of JSON for each operation");
  if (!table.parse(argc, argv, std::cout)) return 0;
  const bool flat = o.arch == "mlp";
  const Shape sample = flat ? Shape{o.channels * o.size * o.size} : Shape{o.channels, o.size, o.size};
  const auto model =
      models::make_model(o.arch, {.input = sample, .classes = o.classes, .units = o.units, .width = o.width});
  const Shape batch = flat ? Shape{1, sample[0]} : Shape{1, sample[0], sample[1], sample[2]};
  const auto rows = models::model_table(*model, [&] { return (*model)(Variable(zeros(batch))); });
  if (!o.json) {
    print(rows, model->count_parameters());
    return 0;
  }
  for (const models::LayerRow& row : rows) {
    print_json_line({{"link", row.path},
                     {"operation", row.operation},
                     {"result", detail::join(row.output)},
                     {"parameters", row.parameters},
                     {"multiply_adds", row.multiply_adds}});
  }
  return 0;
}

void list_values(const FileReader& file) {
  for (const std::string& key : file.keys()) {
    std::cout << key << "  ";
    try {
      const Array values = file.array(key);
      std::cout << values.dtype() << ' ' << values.shape() << '\n';
    } catch (const FileError&) {
      std::cout << "text\n";
    }
  }
}

void list_tensors(const SafetensorsReader& file) {
  for (const auto& [name, tensor] : file.tensors()) {
    std::cout << name << "  " << tensor.dtype << ' ' << tensor.shape << '\n';
  }
}

int inspect_snapshot(int argc, char** argv) {
  if (argc != 2 || std::string(argv[1]).starts_with("--")) {
    (argc == 2 && std::string(argv[1]) == "--help" ? std::cout : std::cerr) << kUsage;
    return argc == 2 && std::string(argv[1]) == "--help" ? 0 : 2;
  }
  SelfCommunicator self;
  const std::string path = find_snapshot(argv[1], self, damage_on_stderr("inspect"));
  if (has_safetensors_name(path)) {
    const SafetensorsReader file(path);
    std::cout << path << ": whole\n";
    list_tensors(file);
  } else {
    const std::unique_ptr<FileReader> file = open_reader(path);
    std::cout << path << ": whole\n";
    list_values(*file);
  }
  return 0;
}

}  // namespace

int inspect_command(int argc, char** argv) {
  const std::string kind = argc > 1 ? argv[1] : "";
  if (kind == "--help" || kind == "-h") {
    std::cout << kUsage;
    return 0;
  }
  try {
    if (kind == "model") return inspect_model(argc - 1, argv + 1);
    if (kind == "snapshot") return inspect_snapshot(argc - 1, argv + 1);
  } catch (const ConfigError& error) {
    return wrong_usage("inspect " + kind, error);
  }
  if (!kind.empty()) std::cerr << "rensa inspect: there is no \"" << kind << "\".\n";
  std::cerr << kUsage;
  return 2;
}

}  // namespace rensa::tools
