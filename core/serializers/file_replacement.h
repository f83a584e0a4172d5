#pragma once

#include <string>
#include <string_view>

namespace rensa {

/// A file that takes the place of another one at once or not at all: written beside it as path(), flushed to the disk
/// and renamed by commit(). Without commit() the destructor removes what was written.
class FileReplacement {
 public:
  explicit FileReplacement(std::string target);
  ~FileReplacement();
  FileReplacement(const FileReplacement&) = delete;
  FileReplacement& operator=(const FileReplacement&) = delete;

  const std::string& path() const { return path_; }  ///< the file to write to
  /// Throws FileError with the system's reason; the target is then as it was.
  void commit();

 private:
  std::string target_, path_;
  bool committed_ = false;
};

/// A FileReplacement of `path` with these contents. Throws FileError.
void replace_file(const std::string& path, std::string_view contents);

/// Removes from `folder` what processes that were killed have left of replacing files. For the one that alone writes
/// there.
void remove_unfinished_replacements(const std::string& folder);

}  // namespace rensa
