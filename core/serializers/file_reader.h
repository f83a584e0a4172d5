#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/serializers/serializer.h"

namespace rensa {

/// The values of one file by their keys: what each format does in its own way. All of them throw FileError for a value
/// that is damaged, or not what is asked for.
struct FileValues {
  const std::string path;  ///< of the file

  explicit FileValues(std::string file) : path(std::move(file)) {}
  virtual ~FileValues() = default;
  virtual std::vector<std::string> keys() const = 0;        ///< sorted
  virtual bool contains(const std::string& key) const = 0;  ///< whether there is such a key
  /// Of a key that is there.
  /// @{
  virtual bool is_none(const std::string& key) const = 0;  ///< Python's None
  virtual Array array(const std::string& key) const = 0;   ///< in the file's dtype
  virtual std::string text(const std::string& key) const = 0;
  /// @}
};

/// Reads values from a file of any format that has keys. Throws FileError that names the key for a value that is
/// missing, of another shape or of another kind.
class FileReader : public Serializer {
 public:
  bool is_loading() const final { return true; }
  void operator()(std::string_view name, std::int64_t& value) final;
  void operator()(std::string_view name, double& value) final;
  void operator()(std::string_view name, bool& value) final;
  void operator()(std::string_view name, std::string& value) final;
  void operator()(std::string_view name, Array& value) final;
  bool has(std::string_view name) const final;
  FileReader& child(std::string_view name) final;

  std::vector<std::string> keys() const;  ///< below the prefix, sorted
  /// The values of one key, in the file's dtype. Throws FileError if it is missing or no numbers.
  Array array(std::string_view name) const;

 protected:
  FileReader(std::shared_ptr<const FileValues> values, std::string prefix)
      : values_(std::move(values)), prefix_(std::move(prefix)) {}

 private:
  std::string key(std::string_view name) const { return prefix_ + std::string(name); }
  std::string known_key(std::string_view name) const;
  std::string what(std::string_view name) const { return values_->path + ": " + key(name); }

  std::shared_ptr<const FileValues> values_;
  std::string prefix_;
  std::map<std::string, std::unique_ptr<FileReader>> children_;
};

/// A reader for an npz or HDF5 file, whatever its name is: its first bytes tell. Only keys that start with `prefix` are
/// seen, without it. Throws FileError if the file is missing or not whole.
std::unique_ptr<FileReader> open_reader(const std::string& path, const std::string& prefix = "");

}  // namespace rensa
