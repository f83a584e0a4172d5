#include "core/serializers/file_reader.h"

#include <fstream>

#include "core/error.h"
#include "core/serializers/child_prefix.h"
#include "core/serializers/hdf5.h"
#include "core/serializers/npz.h"

namespace rensa {

std::string FileReader::known_key(std::string_view name) const {
  std::string full = key(name);
  if (values_->contains(full)) return full;
  throw FileError(values_->path, ": has no value \"", full, "\". It was made for another network or version.");
}

bool FileReader::has(std::string_view name) const {
  return values_->contains(key(name)) && !values_->is_none(key(name));
}

Array FileReader::array(std::string_view name) const { return values_->array(known_key(name)); }

void FileReader::operator()(std::string_view name, std::int64_t& value) {
  const Array stored = array(name);
  if (stored.size() != 1 || is_floating(stored.dtype())) {
    throw FileError(what(name), ": is ", stored.dtype(), " ", stored.shape(), ", expected a single whole number.");
  }
  value = to_vector<std::int64_t>(stored)[0];
}
void FileReader::operator()(std::string_view name, double& value) {
  const Array stored = array(name);
  if (stored.size() != 1) throw FileError(what(name), ": has shape ", stored.shape(), ", expected a single number.");
  value = stored.item<double>();
}
void FileReader::operator()(std::string_view name, bool& value) {
  double number = 0;
  (*this)(name, number);
  value = number != 0;
}
void FileReader::operator()(std::string_view name, std::string& value) { value = values_->text(known_key(name)); }

void FileReader::operator()(std::string_view name, Array& value) {
  const std::string known = known_key(name);
  if (!value && values_->is_none(known)) return;  // None stays None
  const Array stored = values_->array(known);
  if (!value) {
    value = stored;
    return;
  }
  if (stored.shape() != value.shape()) {
    throw FileError(what(name), ": has shape ", stored.shape(), ", expected ", value.shape(),
                    ". It was made for another network.");
  }
  value.copy_from(stored);
}

FileReader& FileReader::child(std::string_view name) {
  auto& child = children_[std::string(name)];
  if (!child) child.reset(new FileReader(values_, child_prefix(prefix_, name)));
  return *child;
}

std::vector<std::string> FileReader::keys() const {
  std::vector<std::string> result;
  for (const std::string& each : values_->keys()) {
    if (each.starts_with(prefix_)) result.push_back(each.substr(prefix_.size()));
  }
  return result;
}

std::unique_ptr<FileReader> open_reader(const std::string& path, const std::string& prefix) {
  constexpr std::string_view kHdf5 = "\x89HDF", kZip = "PK";
  std::string begin(kHdf5.size(), '\0');
  std::ifstream(path, std::ios::binary).read(begin.data(), static_cast<std::streamsize>(begin.size()));
  const bool is_damaged_hdf5 = has_hdf5_name(path) && !begin.starts_with(kZip);
  if (begin == kHdf5 || is_damaged_hdf5) return std::make_unique<Hdf5Reader>(path, prefix);
  return std::make_unique<NpzReader>(path, prefix);
}

}  // namespace rensa
