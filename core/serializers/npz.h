#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/serializers/file_reader.h"

namespace rensa {

// Chainer's snapshot format: a ZIP archive with one .npy member for each key. Rensa's files have two things more, which
// NumPy and Chainer pass over: the member "rensa/checksums" (XXH64 of every other member, as JSON) and an archive
// comment with the checksum of the whole file. Files without them, such as Chainer's, load too, by ZIP's own checks.

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
class NpzReader final : public FileReader {
 public:
  /// Only keys that start with `prefix` are seen, without it: "updater/model:main/" reads a model out of a snapshot.
  explicit NpzReader(const std::string& path, const std::string& prefix = "");
};

}  // namespace rensa
