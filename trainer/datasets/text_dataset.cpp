#include "trainer/datasets/text_dataset.h"

#include <fstream>
#include <utility>

#include "core/error.h"
#include "trainer/datasets/open_file.h"

namespace rensa {

/// An open text file and the places of its lines.
class TextDataset::File {
 public:
  explicit File(std::string path) : path_(std::move(path)), file_(path_) {
    std::ifstream in(path_, std::ios::binary);
    std::int64_t end = 0;
    for (std::string line; std::getline(in, line);) {
      end += std::ssize(line) + (in.eof() ? 0 : 1);
      ends_.push_back(end);
    }
    if (!in.eof()) throw FileError(path_, ": cannot be read after line ", lines(), ". Expected a text file.");
  }

  const std::string& path() const { return path_; }
  std::int64_t lines() const { return std::ssize(ends_); }

  std::string line(std::int64_t number) const {
    const auto at = static_cast<std::size_t>(number);
    const std::int64_t begin = at == 0 ? 0 : ends_[at - 1];
    std::string text(static_cast<std::size_t>(ends_[at] - begin), '\0');
    if (!file_.read(begin, std::as_writable_bytes(std::span(text)))) {
      throw FileError(path_, ": line ", number + 1, " is cut short; the file has changed since it was opened.");
    }
    if (text.ends_with('\n')) text.pop_back();
    if (text.ends_with('\r')) text.pop_back();
    return text;
  }

 private:
  std::string path_;
  OpenFile file_;
  std::vector<std::int64_t> ends_;  ///< behind each line and its end
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
