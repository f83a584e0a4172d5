#include "core/serializers/weights.h"

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <set>

#include "core/error.h"
#include "core/serializers/file_reader.h"
#include "core/serializers/hdf5.h"
#include "core/serializers/npz.h"
#include "core/serializers/safetensors.h"

namespace rensa {
namespace {

constexpr std::string_view kPredictor = "predictor/";

struct Value {
  std::string path;
  Parameter* parameter;  ///< null for a persistent value
  Array* array;          ///< null for a parameter
  bool beside_weight;    ///< see torch_name()
  Array values() const { return parameter ? parameter->array() : *array; }
};

std::vector<Value> values_of(Link& model) {
  const std::vector<Link::NamedParameter> parameters = model.named_parameters();
  std::set<std::string> paths;
  for (const Link::NamedParameter& named : parameters) paths.insert(named.path);
  const auto has_other = [&](const std::string& path, std::string_view end, const char* other) {
    return path.ends_with(end) && paths.contains(path.substr(0, path.size() - end.size()) + other);
  };
  std::vector<Value> all;
  for (const auto& [path, parameter] : parameters) {
    all.push_back({path, parameter, nullptr, has_other(path, "gamma", "W") || has_other(path, "beta", "b")});
  }
  for (const Link::NamedPersistent& named : model.named_persistents()) {
    all.push_back({named.path, nullptr, named.array, false});
  }
  return all;
}

/// Values of a file by the model's keys.
struct Source {
  std::set<std::string> names;          ///< as the file has them
  std::set<std::string> without_shape;  ///< those that it says None of: Chainer's, of values without a shape yet
  std::function<std::string(const std::string& path, const Value& of)> name;  ///< of a value whose path may be changed
  std::function<Array(const std::string& name)> array;
  bool has_bfloat16;  ///< else the format has float32 in its place
};

/// The model in a trainer's snapshot, or a model that is alone in its file.
Source source_of(const std::string& path) {
  constexpr std::string_view kInSnapshot = "updater/model:main/";
  const std::shared_ptr<FileReader> file = open_reader(path);
  const std::vector<std::string> keys = file->keys();
  const bool is_snapshot =
      std::any_of(keys.begin(), keys.end(), [&](const std::string& key) { return key.starts_with(kInSnapshot); });
  FileReader& model = is_snapshot ? file->child(kInSnapshot) : *file;
  Source source{.names = {},
                .without_shape = {},
                .name = [](const std::string& changed, const Value&) { return changed; },
                .array = [file, &model](const std::string& name) { return model.array(name); },
                .has_bfloat16 = false};
  for (const std::string& key : model.keys()) {
    (model.has(key) ? source.names : source.without_shape).insert(key);
  }
  return source;
}

Source open(const std::string& path) {
  if (!has_safetensors_name(path)) return source_of(path);
  const auto reader = std::make_shared<SafetensorsReader>(path);
  std::set<std::string> names;
  for (const auto& [name, tensor] : reader->tensors()) names.insert(name);
  const bool is_timms = names.contains("cls_token");  // their transformers have it, torchvision's class_token
  return {.names = std::move(names),
          .without_shape = {},
          .name =
              [is_timms](const std::string& changed, const Value& of) {
                const std::string torchs = torch_name(changed, of.beside_weight);
                return is_timms ? timm_name(torchs) : torchs;
              },
          .array = [reader](const std::string& name) { return reader->array(name); },
          .has_bfloat16 = true};
}

/// `path` with "predictor/" put before it or taken from it, so that it is a key like the file's.
std::function<std::string(const std::string&)> fitted_prefix(const std::vector<Value>& values, const Source& source) {
  const auto hits = [&](const std::function<std::string(const std::string&)>& change) {
    return std::count_if(values.begin(), values.end(), [&](const Value& value) {
      return source.names.contains(source.name(change(value.path), value));
    });
  };
  const std::array<std::function<std::string(const std::string&)>, 3> changes = {
      [](const std::string& path) { return path; },
      [](const std::string& path) { return path.starts_with(kPredictor) ? path.substr(kPredictor.size()) : path; },
      [](const std::string& path) { return std::string(kPredictor) + path; }};
  return *std::max_element(changes.begin(), changes.end(),
                           [&](const auto& a, const auto& b) { return hits(a) < hits(b); });
}

/// What keeps `stored` from being taken, or "".
std::string difference(const Value& value, const Array& stored, bool convert, bool has_bfloat16) {
  const Array mine = value.values();
  if (!mine) return "";
  if (stored.shape() != mine.shape())
    return detail::join(stored.shape(), " in the file, ", mine.shape(), " in the network");
  const bool was_bfloat16 = !has_bfloat16 && stored.dtype() == Dtype::kFloat32;
  if (mine.dtype() == Dtype::kBFloat16 && was_bfloat16) return "";
  const bool kinds_differ = is_floating(stored.dtype()) != is_floating(mine.dtype());
  const bool refused =
      is_floating(mine.dtype()) ? stored.dtype() != mine.dtype() && (kinds_differ || !convert) : kinds_differ;
  return refused ? detail::join(stored.dtype(), " in the file, ", mine.dtype(), " in the network") : "";
}

void put(const Value& value, const Array& stored, Link& model) {
  if (value.parameter) {
    if (!value.parameter->is_initialized()) value.parameter->initialize(stored.shape());
    value.parameter->array().copy_from(stored);
  } else if (*value.array) {
    value.array->copy_from(stored);
  } else {  // as Link::to(): counters stay on the host
    *value.array = is_floating(stored.dtype()) ? stored.to(model.device()) : stored;
  }
}

}  // namespace

std::string torch_name(const std::string& path, bool beside_weight) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kNames = {
      {{"W", "weight"},
       {"gamma", "weight"},
       {"b", "bias"},
       {"beta", "bias"},
       {"avg_mean", "running_mean"},
       {"avg_var", "running_var"},
       {"N", "num_batches_tracked"}}};
  const std::size_t slash = path.rfind('/');
  const std::size_t begin = slash == std::string::npos ? 0 : slash + 1;
  std::string name = path.substr(0, begin), last = path.substr(begin);
  for (const auto& [mine, torch] : kNames) {
    if (last == mine && !beside_weight) {
      last = torch;
      break;
    }
  }
  std::replace(name.begin(), name.end(), '/', '.');
  return name + last;
}

std::string timm_name(const std::string& torch_name) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kParts = {
      {{"encoder.layers.encoder_layer_", "blocks."},
       {".ln_1.", ".norm1."},
       {".ln_2.", ".norm2."},
       {".self_attention.in_proj_", ".attn.qkv."},
       {".self_attention.out_proj.", ".attn.proj."},
       {".mlp.0.", ".mlp.fc1."},
       {".mlp.3.", ".mlp.fc2."},
       {"encoder.ln.", "norm."},
       {"encoder.pos_embedding", "pos_embed"},
       {"heads.head.", "head."},
       {"conv_proj.", "patch_embed.proj."}}};
  if (torch_name == "class_token") return "cls_token";
  std::string name = torch_name;
  for (const auto& [torchvisions, timms] : kParts) {
    const std::size_t at = name.find(torchvisions);
    if (at != std::string::npos) name.replace(at, torchvisions.size(), timms);
  }
  return name;
}

std::vector<std::string> load_weights(Link& model, const std::string& path, const WeightOptions& options) {
  const Source source = open(path);
  const std::vector<Value> values = values_of(model);
  const auto fitted = fitted_prefix(values, source);
  std::vector<std::string> differences;
  std::vector<std::pair<const Value*, Array>> taken;
  std::set<std::string> left = source.names;
  for (const Value& value : values) {
    const std::string name = source.name(fitted(value.path), value);
    left.erase(name);
    if (!source.names.contains(name)) {
      // Files of PyTorch before 0.4.1 have no count of batches; None is what Chainer says of no shape yet.
      const bool has_none = source.without_shape.contains(name) && !value.values();
      const bool optional = value.path == "N" || value.path.ends_with("/N") || has_none;
      if (!optional) differences.push_back(value.path + ": not in the file");
      continue;
    }
    Array stored = source.array(name);
    const std::string differs = difference(value, stored, options.convert, source.has_bfloat16);
    if (differs.empty()) {
      taken.emplace_back(&value, std::move(stored));
    } else {
      differences.push_back(value.path + ": " + differs);
    }
  }
  for (const std::string& name : left) differences.push_back(name + ": not in the network");
  if (!differences.empty() && !options.partial) {
    std::string list;
    for (const std::string& line : differences) list += "\n  " + line;
    throw FileError(path, ": holds the weights of another network. These differ:", list);
  }
  for (const auto& [value, stored] : taken) put(*value, stored, model);
  return differences;
}

void save_weights(Link& model, const std::string& path) {
  if (has_hdf5_name(path)) {
    Hdf5Writer writer(path);
    model.serialize(writer);
    writer.save();
    return;
  }
  if (!has_safetensors_name(path)) {
    NpzWriter writer;
    model.serialize(writer);
    writer.save(path);
    return;
  }
  std::vector<std::pair<std::string, Array>> tensors;
  for (const Value& value : values_of(model)) {
    if (!value.values()) {
      throw ValueError("save_weights: ", value.path, " has no shape yet. Run the model on one batch first.");
    }
    const bool in_predictor = value.path.starts_with(kPredictor);
    const std::string inside = in_predictor ? value.path.substr(kPredictor.size()) : value.path;
    tensors.emplace_back(torch_name(inside, value.beside_weight), value.values());
  }
  save_safetensors(path, tensors, {{"format", "pt"}});  // "pt": how PyTorch's users mark theirs
}

}  // namespace rensa
