#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "trainer/datasets/image_source.h"
#include "trainer/images/file_kind.h"
#include "trainer/images/jpeg_reader.h"

namespace rensa {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> class_folders(const std::string& root) {
  if (!fs::is_directory(root)) {
    throw FileError(root, fs::exists(root) ? ": is not a folder." : ": there is no such folder.",
                    " Expected a folder with one folder of JPEG files for each class.");
  }
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(root)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory() && name.front() != '.') names.push_back(name);
  }
  if (names.empty()) {
    throw FileError(root, ": has no class folders. Expected ", root, "/<class>/*.jpg, one folder for each class.");
  }
  std::ranges::sort(names);  // the order of a directory differs from one file system to the next
  return names;
}

class ImageFolderSource final : public ImageSource {
 public:
  ImageFolderSource(const std::string& root, const std::vector<std::string>& class_names)
      : root_(root), class_names_(class_names) {
    const std::vector<std::string> folders = class_folders(root_);
    if (class_names_.empty()) class_names_ = folders;
    for (const std::string& folder : folders) {
      const auto found = std::ranges::find(class_names_, folder);
      if (found == class_names_.end()) {
        throw FileError(root_, ": has a class \"", folder, "\" that the training folder does not have (",
                        class_names_.size(), " classes, from \"", class_names_.front(), "\" to \"", class_names_.back(),
                        "\").");
      }
      list_class(folder, static_cast<std::int32_t>(found - class_names_.begin()));
    }
  }

  std::int64_t size() const override { return static_cast<std::int64_t>(files_.size()); }
  std::string name(std::int64_t index) const override { return (fs::path(root_) / file(index).path).string(); }
  std::int32_t label(std::int64_t index) const override { return file(index).label; }
  std::vector<std::uint8_t> read(std::int64_t index) const override { return images::read_image_file(name(index)); }
  const std::vector<std::string>& class_names() const override { return class_names_; }

 private:
  struct File {
    std::string path;  ///< below root
    std::int32_t label;
  };
  const File& file(std::int64_t index) const { return files_[static_cast<std::size_t>(index)]; }

  void list_class(const std::string& name, std::int32_t label) {
    const fs::path folder = fs::path(root_) / name;
    const std::vector<std::string> paths = images::list_jpegs(folder);
    if (paths.empty())
      throw FileError(folder.string(), ": has no .jpg or .jpeg files. Fill the class or remove its folder.");
    for (const std::string& path : paths) {
      files_.push_back({fs::path(name) / fs::path(path).lexically_relative(folder), label});
    }
  }

  const std::string root_;
  std::vector<std::string> class_names_;
  std::vector<File> files_;
};

}  // namespace

std::unique_ptr<ImageSource> open_image_folder(const std::string& root, const std::vector<std::string>& class_names) {
  return std::make_unique<ImageFolderSource>(root, class_names);
}

}  // namespace rensa
