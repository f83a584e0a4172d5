#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "trainer/datasets/idx_file.h"
#include "trainer/datasets/picture_table.h"

namespace rensa {
namespace {

std::string find_idx(const std::string& folder, const std::string& name) {
  for (const char* suffix : {".gz", ""}) {
    const std::filesystem::path path = std::filesystem::path(folder) / (name + suffix);
    if (std::filesystem::exists(path)) return path.string();
  }
  throw FileError(folder, ": has no file ", name, ".gz or ", name,
                  std::filesystem::is_directory(folder) ? ". Check the folder." : ": there is no such folder.");
}

}  // namespace

PictureTable read_idx_pair(const std::string& images_path, const std::string& labels_path,
                           std::vector<std::string> class_names) {
  IdxFile images = read_idx(images_path, 3);
  const IdxFile labels = read_idx(labels_path, 1);
  if (images.shape[0] != labels.shape[0]) {
    throw FileError(images_path, ": has ", images.shape[0], " pictures, but ", labels_path, " has ", labels.shape[0],
                    " labels. The two files do not belong together.");
  }
  const auto largest = std::ranges::max_element(labels.values);
  if (class_names.empty()) {
    for (int i = 0; i <= *largest; ++i) class_names.push_back(std::to_string(i));
  } else if (*largest >= class_names.size()) {
    throw FileError(labels_path, ": label ", static_cast<int>(*largest), " of picture ",
                    largest - labels.values.begin(), " is out of range: expected 0 to ", class_names.size() - 1, ".");
  }
  PictureTable table;
  table.height = static_cast<int>(images.shape[1]);
  table.width = static_cast<int>(images.shape[2]);
  table.channels = 1;
  table.pixels = std::move(images.values);
  table.labels.assign(labels.values.begin(), labels.values.end());
  table.class_names = std::move(class_names);
  return table;
}

PictureTable read_idx_folder(const std::string& folder, Split split, std::vector<std::string> class_names) {
  const std::string part = split == Split::kTrain ? "train" : "t10k";
  const std::string images = find_idx(folder, part + "-images-idx3-ubyte");
  const std::string labels = find_idx(folder, part + "-labels-idx1-ubyte");
  return read_idx_pair(images, labels, std::move(class_names));
}

const std::vector<std::string>& fashion_mnist_class_names() {
  static const std::vector<std::string> names = {"T-shirt/top", "trouser", "pullover", "dress", "coat",
                                                 "sandal",      "shirt",   "sneaker",  "bag",   "ankle boot"};
  return names;
}

const std::vector<std::string>& kuzushiji_mnist_class_names() {
  static const std::vector<std::string> names = {"o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"};
  return names;
}

}  // namespace rensa
