#include "trainer/datasets/open_file.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace rensa {
namespace {

/// Lets this process have as many files open as it may; false: it has that limit already.
bool raise_limit_of_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return false;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

int open_for_reading(const std::string& path) {
  const auto try_it = [&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC); };
  const int descriptor = try_it();
  return descriptor < 0 && errno == EMFILE && raise_limit_of_open_files() ? try_it() : descriptor;
}

}  // namespace

OpenFile::OpenFile(const std::string& path) : descriptor_(open_for_reading(path)) {
  if (descriptor_ >= 0) return;
  throw FileError(path, ": cannot be opened: ", std::strerror(errno), ".",
                  errno == EMFILE ? " Raise the hard limit (ulimit -Hn), or make fewer and larger files." : "");
}

OpenFile::OpenFile(OpenFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

OpenFile::~OpenFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

std::int64_t OpenFile::size() const {
  struct stat status{};
  if (fstat(descriptor_, &status) != 0) throw FileError("the size of an open file: ", std::strerror(errno), ".");
  return status.st_size;
}

bool OpenFile::read(std::int64_t offset, std::span<std::byte> bytes) const {
  std::size_t done = 0;
  while (done < bytes.size()) {  // pread() moves no position that threads would share
    const ssize_t got =
        pread(descriptor_, bytes.data() + done, bytes.size() - done, offset + static_cast<std::int64_t>(done));
    if (got <= 0 && !(got < 0 && errno == EINTR)) return false;
    done += static_cast<std::size_t>(std::max<ssize_t>(got, 0));
  }
  return true;
}

}  // namespace rensa
