#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/serializers/file_reader.h"

namespace rensa {

// Chainer's HDF5 form of a snapshot: the path of a value is a path of groups. Values of more than one element are
// stored with gzip, level 4; None is an empty dataset, as h5py's. Texts are variable UTF-8 strings, which Chainer does
// not write.
//
// libhdf5 is not made for files of strangers: open only files whose maker you trust. Without libhdf5 both constructors
// throw FileError (core/serializers/hdf5_absent).

/// Whether a file's name says that it is HDF5.
inline bool has_hdf5_name(const std::string& path) { return path.ends_with(".h5") || path.ends_with(".hdf5"); }

/// Writes values as they come, to a file that takes the place of `path` in save().
class Hdf5Writer final : public Serializer {
 public:
  explicit Hdf5Writer(const std::string& path);
  ~Hdf5Writer() override;

  bool is_loading() const override { return false; }
  void operator()(std::string_view name, std::int64_t& value) override;
  void operator()(std::string_view name, double& value) override;
  void operator()(std::string_view name, bool& value) override;
  void operator()(std::string_view name, std::string& value) override;
  void operator()(std::string_view name, Array& value) override;
  bool has(std::string_view) const override { return true; }
  Serializer& child(std::string_view name) override;
  void
  save();  ///< Writes the file and puts it in the place of an older one. Throws FileError with the system's reason.

 private:
  struct File;
  Hdf5Writer(std::shared_ptr<File> file, std::string prefix);
  std::shared_ptr<File> file_;
  std::string prefix_;
  std::map<std::string, std::unique_ptr<Hdf5Writer>> children_;
};

/// Reads values. Throws FileError for one of a type that Rensa does not have.
class Hdf5Reader final : public FileReader {
 public:
  /// Only keys that start with `prefix` are seen, without it. Throws FileError if the file is missing or not whole.
  explicit Hdf5Reader(const std::string& path, const std::string& prefix = "");
};

}  // namespace rensa
