#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace rensa {

/// A file that several threads read at places of their own.
class OpenFile {
 public:
  /// Where the process has as many files open as its soft limit lets it, the limit is raised to the hard one: systems
  /// give 1,024 and some thousands, and a data set may have more shards than that. Throws FileError with the system's
  /// reason.
  explicit OpenFile(const std::string& path);
  OpenFile(OpenFile&& other) noexcept;
  OpenFile& operator=(OpenFile&&) = delete;
  ~OpenFile();

  /// Fills `bytes` with what lies at `offset`; false if the file ends before or cannot be read.
  bool read(std::int64_t offset, std::span<std::byte> bytes) const;
  std::int64_t size() const;                      ///< bytes, now; throws FileError with the system's reason
  int descriptor() const { return descriptor_; }  ///< for libraries that read by themselves; stays this object's

 private:
  int descriptor_;
};

}  // namespace rensa
