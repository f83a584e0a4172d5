#include "core/serializers/weights.h"

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <set>

#include "core/error.h"
#include "core/serializers/hdf5.h"
#include "core/serializers/npz.h"
#include "core/serializers/safetensors.h"

namespace rensa {
namespace {

constexpr std::string_view kPredictor = "predictor/";

/// Values of a file by the model's keys.
struct Source {
  std::set<std::string> names;                          ///< as the file has them
  std::function<std::string(const std::string&)> name;  ///< of a path of the model
  std::function<Array(const std::string& name)> array;
};

bool ends_with_any(const std::string& text, std::initializer_list<const char*> ends) {
  return std::any_of(ends.begin(), ends.end(), [&](const char* end) { return text.ends_with(end); });
}
bool is_safetensors(const std::string& path) { return path.ends_with(".safetensors"); }
bool is_hdf5(const std::string& path) { return ends_with_any(path, {".h5", ".hdf5"}); }

template <class Reader>
Source source_of(std::shared_ptr<Reader> reader) {
  Source source;
  for (const std::string& key : reader->keys()) {
    if (reader->has(key)) source.names.insert(key);  // without what is None
  }
  source.name = [](const std::string& path) { return path; };
  source.array = [reader](const std::string& name) { return reader->array(name); };
  return source;
}

/// Where the weights lie in an npz: a trainer's snapshot, or a model alone.
std::string prefix_in(const NpzReader& file) {
  constexpr std::string_view kInSnapshot = "updater/model:main/";
  for (const std::string& key : file.keys()) {
    if (key.starts_with(kInSnapshot)) return std::string(kInSnapshot);
  }
  return "";
}

Source open(const std::string& path) {
  if (is_hdf5(path)) return source_of(std::make_shared<Hdf5Reader>(path));
  if (!is_safetensors(path)) return source_of(std::make_shared<NpzReader>(path, prefix_in(NpzReader(path))));
  const auto reader = std::make_shared<SafetensorsReader>(path);
  Source source{
      .names = {}, .name = torch_name, .array = [reader](const std::string& name) { return reader->array(name); }};
  for (const auto& [name, tensor] : reader->tensors()) source.names.insert(name);
  if (source.names.contains("cls_token")) {  // timm's transformers have it, torchvision's class_token
    source.name = [](const std::string& key) { return timm_name(torch_name(key)); };
  }
  return source;
}

struct Value {
  std::string path;
  Parameter* parameter;  ///< null for a persistent value
  Array* array;          ///< null for a parameter
  Array values() const { return parameter ? parameter->array() : *array; }
};

std::vector<Value> values_of(Link& model) {
  std::vector<Value> all;
  for (const Link::NamedParameter& named : model.named_parameters())
    all.push_back({named.path, named.parameter, nullptr});
  for (const Link::NamedPersistent& named : model.named_persistents())
    all.push_back({named.path, nullptr, named.array});
  return all;
}

/// `path` with "predictor/" put before it or taken from it, so that it is a key like the file's.
std::function<std::string(const std::string&)> fitted_prefix(const std::vector<Value>& values, const Source& source) {
  const auto hits = [&](const std::function<std::string(const std::string&)>& change) {
    return std::count_if(values.begin(), values.end(),
                         [&](const Value& value) { return source.names.contains(source.name(change(value.path))); });
  };
  const std::array<std::function<std::string(const std::string&)>, 3> changes = {
      [](const std::string& path) { return path; },
      [](const std::string& path) { return path.starts_with(kPredictor) ? path.substr(kPredictor.size()) : path; },
      [](const std::string& path) { return std::string(kPredictor) + path; }};
  return *std::max_element(changes.begin(), changes.end(),
                           [&](const auto& a, const auto& b) { return hits(a) < hits(b); });
}

/// What keeps `stored` from being taken, or "".
std::string difference(const Value& value, const Array& stored, bool convert) {
  const Array mine = value.values();
  if (!mine) return "";
  if (stored.shape() != mine.shape())
    return detail::join(stored.shape(), " in the file, ", mine.shape(), " in the network");
  const bool kinds_differ = is_floating(stored.dtype()) != is_floating(mine.dtype());
  const bool refused =
      is_floating(mine.dtype()) ? stored.dtype() != mine.dtype() && (kinds_differ || !convert) : kinds_differ;
  return refused ? detail::join(stored.dtype(), " in the file, ", mine.dtype(), " in the network") : "";
}

void put(const Value& value, const Array& stored) {
  if (value.parameter) {
    if (!value.parameter->is_initialized()) value.parameter->initialize(stored.shape());
    value.parameter->array().copy_from(stored);
  } else if (*value.array) {
    value.array->copy_from(stored);
  } else {
    *value.array = stored;
  }
}

}  // namespace

std::string torch_name(const std::string& path) {
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
    if (last == mine) {
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
    const std::string name = source.name(fitted(value.path));
    left.erase(name);
    if (!source.names.contains(name)) {
      // Files of PyTorch before 0.4.1 have no count of batches; None is what Chainer says of no shape yet.
      const bool optional = value.path == "N" || value.path.ends_with("/N") || !value.values();
      if (!optional) differences.push_back(value.path + ": not in the file");
      continue;
    }
    Array stored = source.array(name);
    const std::string differs = difference(value, stored, options.convert);
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
  for (const auto& [value, stored] : taken) put(*value, stored);
  return differences;
}

void save_weights(Link& model, const std::string& path) {
  if (is_hdf5(path)) {
    Hdf5Writer writer(path);
    model.serialize(writer);
    writer.save();
    return;
  }
  if (!is_safetensors(path)) {
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
    tensors.emplace_back(torch_name(in_predictor ? value.path.substr(kPredictor.size()) : value.path), value.values());
  }
  save_safetensors(path, tensors, {{"format", "pt"}});  // "pt": how PyTorch's users mark theirs
}

}  // namespace rensa
