#include "trainer/datasets/text_dataset.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "core/error.h"

namespace rensa {

/// An open text file and the places of its lines.
class TextDataset::File {
 public:
  explicit File(std::string path) : path_(std::move(path)) {
    std::ifstream in(path_, std::ios::binary);
    if (!in) throw FileError(path_, ": cannot be read. Expected a text file.");
    std::int64_t end = 0;
    for (std::string line; std::getline(in, line);) {
      end += std::ssize(line) + (in.eof() ? 0 : 1);
      ends_.push_back(end);
    }
    descriptor_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor_ < 0) throw FileError(path_, ": ", std::strerror(errno), ".");
  }
  File(File&& other) noexcept
      : path_(std::move(other.path_)),
        ends_(std::move(other.ends_)),
        descriptor_(std::exchange(other.descriptor_, -1)) {}
  File& operator=(File&&) = delete;
  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }

  const std::string& path() const { return path_; }
  std::int64_t lines() const { return std::ssize(ends_); }

  /// pread() moves no common position, so threads may read at the same time.
  std::string line(std::int64_t number) const {
    const auto at = static_cast<std::size_t>(number);
    const std::int64_t begin = at == 0 ? 0 : ends_[at - 1];
    std::string text(static_cast<std::size_t>(ends_[at] - begin), '\0');
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t got =
          pread(descriptor_, text.data() + done, text.size() - done, begin + static_cast<std::int64_t>(done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw FileError(path_, ", line ", number + 1, ": ", std::strerror(errno), ".");
      if (got == 0)
        throw FileError(path_, ": line ", number + 1, " is cut short; the file has changed since it was opened.");
      done += static_cast<std::size_t>(got);
    }
    if (text.ends_with('\n')) text.pop_back();
    if (text.ends_with('\r')) text.pop_back();
    return text;
  }

 private:
  std::string path_;
  std::vector<std::int64_t> ends_;  ///< behind each line and its end
  int descriptor_ = -1;
};

TextDataset::TextDataset(std::vector<std::string> paths, Convert convert, const Filter& filter)
    : convert_(std::move(convert)) {
  if (paths.empty()) throw ValueError("TextDataset: expected at least one file, found none.");
  if (!convert_) throw ValueError("TextDataset: expected a function that makes a sample of lines, found none.");
  files_.reserve(paths.size());
  for (std::string& path : paths) files_.emplace_back(std::move(path));
  for (const File& file : files_) {
    if (file.lines() != files_.front().lines()) {
      throw FileError("TextDataset: expected files of equally many lines, found ", files_.front().lines(), " in ",
                      files_.front().path(), " and ", file.lines(), " in ", file.path(), ".");
    }
  }
  for (std::int64_t line = 0; line < files_.front().lines(); ++line) {
    if (!filter || filter(lines_at(line))) samples_.push_back(line);
  }
}

TextDataset::~TextDataset() = default;

std::vector<std::string> TextDataset::lines_at(std::int64_t line) const {
  std::vector<std::string> result;
  for (const File& file : files_) result.push_back(file.line(line));
  return result;
}

std::vector<std::string> TextDataset::lines(std::int64_t index) const {
  check_sample_index(index, size());
  return lines_at(samples_[static_cast<std::size_t>(index)]);
}

Example TextDataset::get(std::int64_t index, const SampleContext&) const { return convert_(lines(index)); }

}  // namespace rensa
