#include "core/models/model.h"

#include <functional>
#include <utility>

#include "core/error.h"
#include "core/models/mlp.h"

namespace rensa::models {
namespace {

using Maker = std::function<std::unique_ptr<UnaryLink>(const ModelOptions&)>;

const std::vector<std::pair<std::string, Maker>>& makers() {
  static const std::vector<std::pair<std::string, Maker>> table = {
      {"mlp",
       [](const ModelOptions& o) {
         return std::make_unique<Mlp>(
             MlpOptions{.in = total_size(o.input), .units = o.units, .out = o.classes, .dtype = o.dtype});
       }},
  };
  return table;
}

}  // namespace

const std::vector<std::string>& model_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> result;
    for (const auto& [name, make] : makers()) result.push_back(name);
    return result;
  }();
  return names;
}

std::unique_ptr<UnaryLink> make_model(const std::string& name, const ModelOptions& options) {
  std::string known;
  for (const auto& [each, make] : makers()) {
    if (each == name) return make(options);
    known += (known.empty() ? "" : ", ") + each;
  }
  throw ValueError("there is no network \"", name, "\", expected one of: ", known, ".");
}

}  // namespace rensa::models
