#include "core/serializers/file_replacement.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "core/error.h"

namespace rensa {
namespace {

constexpr std::string_view kMark = ".writing-";

void flush_to_disk(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY);
  if (file < 0) throw FileError(path, ": cannot be opened to flush it: ", std::strerror(errno), ".");
  const int status = fsync(file);
  const int reason = errno;
  close(file);
  if (status != 0) throw FileError(path, ": cannot be flushed to the disk: ", std::strerror(reason), ".");
}

/// Asks for a folder's names to be on the disk. Some file systems of a network know no such request, and a name that is
/// lost with the power leaves the file that was there before.
void flush_names(const std::string& folder) {
  const int file = open(folder.c_str(), O_RDONLY | O_DIRECTORY);
  if (file < 0) return;
  fsync(file);
  close(file);
}

/// Two threads may replace one file at a time: the last one stays.
std::string unique_suffix() {
  static std::atomic<unsigned> count{0};
  return std::to_string(getpid()) + "-" + std::to_string(count.fetch_add(1));
}

}  // namespace

FileReplacement::FileReplacement(std::string target)
    : target_(std::move(target)), path_(target_ + std::string(kMark) + unique_suffix()) {}

FileReplacement::~FileReplacement() {
  if (!committed_) std::remove(path_.c_str());
}

void FileReplacement::commit() {
  flush_to_disk(path_);
  if (std::rename(path_.c_str(), target_.c_str()) != 0) {
    throw FileError(target_, ": cannot be replaced: ", std::strerror(errno), ".");
  }
  committed_ = true;
  const std::string folder = std::filesystem::path(target_).parent_path().string();
  flush_names(folder.empty() ? "." : folder);
}

void replace_file(const std::string& path, std::string_view contents) {
  FileReplacement file(path);
  errno = 0;
  std::ofstream out(file.path(), std::ios::binary);
  out.write(contents.data(), static_cast<std::streamsize>(contents.size()));
  out.close();
  if (!out) throw FileError(path, ": cannot be written: ", std::strerror(errno), ".");
  file.commit();
}

void remove_unfinished_replacements(const std::string& folder) {
  std::error_code ignored;  // a folder that is not there has none, and a file that stays does no harm
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (entry.path().filename().string().find(kMark) != std::string::npos) {
      std::filesystem::remove(entry.path(), ignored);
    }
  }
}

}  // namespace rensa
