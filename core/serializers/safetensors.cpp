#include "core/serializers/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/serializers/file_replacement.h"
#include "core/serializers/storable.h"

namespace rensa {
namespace {

constexpr std::uint64_t kLongestHeader = 100'000'000;  ///< the format's own limit
constexpr std::size_t kAlignment = 8;  ///< of the first tensor in the file, as the format asks of writers

constexpr std::array<std::pair<Dtype, const char*>, kDtypes> kTypes = {{{Dtype::kFloat32, "F32"},
                                                                        {Dtype::kFloat64, "F64"},
                                                                        {Dtype::kFloat16, "F16"},
                                                                        {Dtype::kBFloat16, "BF16"},
                                                                        {Dtype::kInt64, "I64"},
                                                                        {Dtype::kInt32, "I32"},
                                                                        {Dtype::kInt8, "I8"},
                                                                        {Dtype::kUInt8, "U8"},
                                                                        {Dtype::kBool, "BOOL"}}};

Dtype dtype_of(const std::string& type, const std::string& what) {
  for (const auto& [dtype, name] : kTypes) {
    if (type == name) return dtype;
  }
  throw FileError(what, ": has the type ", type, ", expected one of F64, F32, F16, BF16, I64, I32, I8, U8, BOOL.");
}

/// One entry of the header. Throws nlohmann::json::exception if a part is missing or of another kind.
SafetensorsReader::Tensor tensor_of(const nlohmann::json& entry, std::uint64_t available, const std::string& what) {
  SafetensorsReader::Tensor tensor{
      .dtype = dtype_of(entry.at("dtype").get<std::string>(), what), .shape = {}, .begin = 0, .end = 0};
  const auto& offsets = entry.at("data_offsets");
  if (offsets.size() != 2 || !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned()) {
    throw FileError(what, ": its place in the file is ", offsets.dump(), ", expected two whole numbers.");
  }
  tensor.begin = offsets[0].get<std::uint64_t>();
  tensor.end = offsets[1].get<std::uint64_t>();
  if (tensor.begin > tensor.end || tensor.end > available) {
    throw FileError(what, ": should lie at bytes ", tensor.begin, " to ", tensor.end, ", the file has ", available,
                    ".");
  }
  if (entry.at("shape").size() > static_cast<std::size_t>(kMaxDims)) {
    throw FileError(what, ": has ", entry.at("shape").size(), " axes, expected at most ", kMaxDims, ".");
  }
  const std::uint64_t bytes = tensor.end - tensor.begin;
  std::uint64_t needed = item_size(tensor.dtype);
  bool empty = false, fits = true;
  for (const auto& size : entry.at("shape")) {
    if (!size.is_number_unsigned() || size.get<std::uint64_t>() > (std::uint64_t{1} << 62)) {
      throw FileError(what, ": its shape is ", entry.at("shape").dump(), ", expected whole numbers.");
    }
    const auto count = size.get<std::uint64_t>();
    tensor.shape.push_back(static_cast<std::int64_t>(count));
    empty = empty || count == 0;
    fits = fits && (count == 0 || needed <= bytes / count);
    if (fits && count > 0) needed *= count;
  }
  if (empty ? bytes != 0 : !fits || needed != bytes) {
    throw FileError(what, ": has ", bytes, " bytes, which is not what ", tensor.dtype, " ", tensor.shape, " needs.");
  }
  return tensor;
}

}  // namespace

SafetensorsReader::SafetensorsReader(const std::string& path) : path_(path) {
  if (!std::filesystem::is_regular_file(path)) throw FileError(path, ": there is no such file.");
  const std::uint64_t size = std::filesystem::file_size(path);
  file_.open(path, std::ios::binary);
  std::uint64_t length = 0;
  file_.read(reinterpret_cast<char*>(&length), sizeof length);
  if (!file_ || size < sizeof length || length > size - sizeof length || length > kLongestHeader) {
    throw FileError(path, ": is not a safetensors file (its header does not end inside of it).");
  }
  std::string header(length, '\0');
  if (!file_.read(header.data(), static_cast<std::streamsize>(length))) throw FileError(path, ": cannot be read.");
  data_begin_ = sizeof length + length;
  const std::uint64_t available = size - data_begin_;
  try {
    const nlohmann::json all = nlohmann::json::parse(header);
    if (!all.is_object()) throw FileError(path, ": is not a safetensors file (its header is no JSON object).");
    for (const auto& [name, entry] : all.items()) {
      if (name == "__metadata__") {
        metadata_ = entry.get<std::map<std::string, std::string>>();
      } else {
        tensors_.emplace(name, tensor_of(entry, available, path + ": " + name));
      }
    }
  } catch (const nlohmann::json::exception& error) {
    throw FileError(path, ": is not a safetensors file: ", error.what(), ".");
  }
  std::vector<std::pair<std::uint64_t, std::uint64_t>> places;
  for (const auto& [name, tensor] : tensors_) places.emplace_back(tensor.begin, tensor.end);
  std::sort(places.begin(), places.end());
  std::uint64_t end = 0;
  for (const auto& place : places) {
    if (place.first != end) throw FileError(path, ": tensors overlap or leave a gap at byte ", end, " of the data.");
    end = place.second;
  }
  if (end != available) throw FileError(path, ": has ", available, " bytes of tensors, its header tells of ", end, ".");
}

Array SafetensorsReader::array(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) throw FileError(path_, ": has no tensor \"", name, "\".");
  const Tensor& tensor = found->second;
  Array values = empty(tensor.shape, tensor.dtype);
  file_.clear();
  file_.seekg(static_cast<std::streamoff>(data_begin_ + tensor.begin));
  if (values.bytes() > 0 &&
      !file_.read(static_cast<char*>(values.raw_data()), static_cast<std::streamsize>(values.bytes()))) {
    throw FileError(path_, ": ", name, ": cannot be read to its end.");
  }
  if (tensor.dtype == Dtype::kBool) {  // any other byte would not be a bool
    auto* bytes = static_cast<std::uint8_t*>(values.raw_data());
    std::transform(bytes, bytes + values.bytes(), bytes, [](std::uint8_t b) { return b != 0 ? 1 : 0; });
  }
  return values;
}

void save_safetensors(const std::string& path, const std::vector<std::pair<std::string, Array>>& tensors,
                      const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t end = 0;
  for (const auto& [name, values] : tensors) {
    if (header.contains(name)) throw ValueError("save_safetensors: there are two tensors \"", name, "\".");
    const auto* const type =
        std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& t) { return t.first == values.dtype(); });
    header[name] = {{"dtype", type->second},
                    {"shape", std::vector<std::int64_t>(values.shape().begin(), values.shape().end())},
                    {"data_offsets", {end, end + values.bytes()}}};
    end += values.bytes();
  }
  std::string text = header.dump();
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  FileReplacement file(path);
  std::ofstream out(file.path(), std::ios::binary);
  const std::uint64_t length = text.size();
  out.write(reinterpret_cast<const char*>(&length), sizeof length);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  for (const auto& [name, values] : tensors) {
    const Array stored = storable(values, /*has_bfloat16=*/true);
    if (stored.bytes() > 0) {
      out.write(static_cast<const char*>(stored.raw_data()), static_cast<std::streamsize>(stored.bytes()));
    }
  }
  out.close();
  if (!out) throw FileError(path, ": cannot be written. Is the disk full? An older file of that name is as it was.");
  file.commit();
}

}  // namespace rensa
