#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace rensa {

/// A file that several threads read at places of their own.
class OpenFile {
 public:
  explicit OpenFile(const std::string& path);  ///< throws FileError with the system's reason
  OpenFile(OpenFile&& other) noexcept;
  OpenFile& operator=(OpenFile&&) = delete;
  ~OpenFile();

  /// Fills `bytes` with what lies at `offset`; false if the file ends before or cannot be read.
  bool read(std::int64_t offset, std::span<std::byte> bytes) const;

 private:
  int descriptor_;
};

}  // namespace rensa
