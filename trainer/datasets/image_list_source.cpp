#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "core/error.h"
#include "trainer/datasets/image_source.h"
#include "trainer/images/jpeg_reader.h"

namespace rensa {
namespace {

namespace fs = std::filesystem;

class ImageListSource final : public ImageSource {
 public:
  ImageListSource(const std::string& list, const std::string& root, const std::vector<std::string>& class_names)
      : root_(root.empty() ? fs::path(list).parent_path() : fs::path(root)), class_names_(class_names) {
    std::ifstream file(list);
    if (!file) throw FileError(list, ": there is no such file. Expected a line \"path label\" for each picture.");
    std::int32_t largest = 0;
    std::int64_t number = 0;
    for (std::string line; std::getline(file, line);) {
      ++number;
      if (line.ends_with('\r')) line.pop_back();
      if (line.find_first_not_of(" \t") == std::string::npos) continue;
      files_.push_back(parse(line, detail::join(list, ", line ", number)));
      largest = std::max(largest, files_.back().label);
    }
    if (files_.empty()) throw FileError(list, ": names no pictures. Expected a line \"path label\" for each.");
    if (class_names_.empty()) class_names_ = numbers_as_names(largest);
    for (const File& each : files_) check_label(list + ": " + each.path, each.label, class_names_.size());
  }

  std::int64_t size() const override { return static_cast<std::int64_t>(files_.size()); }
  std::string name(std::int64_t index) const override { return (root_ / file(index).path).string(); }
  std::int32_t label(std::int64_t index) const override { return file(index).label; }
  std::vector<std::uint8_t> read(std::int64_t index) const override { return images::read_image_file(name(index)); }
  const std::vector<std::string>& class_names() const override { return class_names_; }

 private:
  struct File {
    std::string path;
    std::int32_t label;
  };
  const File& file(std::int64_t index) const { return files_[static_cast<std::size_t>(index)]; }

  /// The label is what follows the last blank: paths may hold some.
  static File parse(const std::string& line, const std::string& place) {
    const std::size_t last = line.find_last_not_of(" \t"), blank = line.find_last_of(" \t", last);
    const std::size_t path_end = blank == std::string::npos ? blank : line.find_last_not_of(" \t", blank);
    File file{"", 0};
    const char* const end = line.data() + last + 1;
    const char* const begin = blank == std::string::npos ? end : line.data() + blank + 1;
    const auto [read_to, error] = std::from_chars(begin, end, file.label);
    const bool is_class = error == std::errc() && read_to == end && file.label >= 0 && file.label <= kLargestLabel;
    if (path_end == std::string::npos || !is_class) {
      throw FileError(place, ": \"", line, "\" is not \"path label\" with a class number from 0 to ", kLargestLabel,
                      ".");
    }
    file.path = line.substr(0, path_end + 1);
    return file;
  }

  const fs::path root_;
  std::vector<std::string> class_names_;
  std::vector<File> files_;
};

}  // namespace

std::unique_ptr<ImageSource> open_image_list(const std::string& list, const std::string& root,
                                             const std::vector<std::string>& class_names) {
  return std::make_unique<ImageListSource>(list, root, class_names);
}

}  // namespace rensa
