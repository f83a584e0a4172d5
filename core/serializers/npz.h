#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/serializers/serializer.h"

namespace rensa {

// Chainer's snapshot format: a ZIP archive with one .npy member for each key. Rensa's files have two things more, which
// NumPy and Chainer pass over: the member "rensa/checksums" (XXH64 of every other member, as JSON) and an archive
// comment with the checksum of the whole file. Files without them, such as Chainer's, load too.

/// Collects values and writes them to a file.
class NpzWriter final : public Serializer {
 public:
  NpzWriter();
  ~NpzWriter() override;

  bool is_loading() const override { return false; }
  void operator()(std::string_view name, std::int64_t& value) override;
  void operator()(std::string_view name, double& value) override;
  void operator()(std::string_view name, bool& value) override;
  void operator()(std::string_view name, std::string& value) override;
  void operator()(std::string_view name, Array& value) override;
  bool has(std::string_view) const override { return true; }
  Serializer& child(std::string_view name) override;

  /// Writes all values to `path`: first to a file beside it, which is flushed to the disk and renamed, so that a crash
  /// or a full disk leaves an older file as it was. Throws FileError with the reason.
  void save(const std::string& path, bool compress = false) const;

 private:
  struct Members;
  NpzWriter(std::shared_ptr<Members> members, std::string prefix);
  void put(std::string_view name, std::vector<std::byte> bytes);

  std::shared_ptr<Members> members_;
  std::string prefix_;
  std::map<std::string, std::unique_ptr<NpzWriter>> children_;
};

/// Reads values from a file. The constructor checks the whole file and throws FileError if it is missing, cut short or
/// changed.
class NpzReader final : public Serializer {
 public:
  /// Only keys that start with `prefix` are seen, without it: "updater/model:main/" reads a model out of a snapshot.
  explicit NpzReader(const std::string& path, const std::string& prefix = "");
  ~NpzReader() override;

  bool is_loading() const override { return true; }
  void operator()(std::string_view name, std::int64_t& value) override;
  void operator()(std::string_view name, double& value) override;
  void operator()(std::string_view name, bool& value) override;
  void operator()(std::string_view name, std::string& value) override;
  void operator()(std::string_view name, Array& value) override;
  bool has(std::string_view name) const override;
  Serializer& child(std::string_view name) override;

  std::vector<std::string> keys() const;  ///< below the prefix, sorted
  /// The values of one key. Throws FileError if it is missing or a text.
  Array array(std::string_view name) const;

 private:
  struct Archive;
  NpzReader(std::shared_ptr<Archive> archive, std::string prefix);
  std::string what(std::string_view name) const;
  Array scalar(std::string_view name) const;

  std::shared_ptr<Archive> archive_;
  std::string prefix_;
  std::map<std::string, std::unique_ptr<NpzReader>> children_;
};

}  // namespace rensa
