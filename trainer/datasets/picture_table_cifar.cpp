#include <filesystem>
#include <fstream>
#include <utility>

#include "core/error.h"
#include "trainer/datasets/image_source.h"
#include "trainer/datasets/picture_table.h"

namespace rensa {
namespace {

constexpr int kSide = 32, kChannels = 3;
constexpr std::size_t kMostClasses = 10;
constexpr std::size_t kPlane = std::size_t{kSide} * kSide;
constexpr const char* kNamesFile = "batches.meta.txt";

/// A "binary version": its records are label bytes and the pixels, and one of the labels counts.
struct Version {
  const char* name;
  std::size_t labels, label;
  const char* names_file;
};
constexpr Version kCifar10{"CIFAR-10", 1, 0, kNamesFile};
constexpr Version kCifar100Coarse{"CIFAR-100", 2, 0, "coarse_label_names.txt"};
constexpr Version kCifar100Fine{"CIFAR-100", 2, 1, "fine_label_names.txt"};

PictureTable empty_table(std::vector<std::string> class_names) {
  PictureTable table;
  table.height = table.width = kSide;
  table.channels = kChannels;
  table.class_names = std::move(class_names);
  return table;
}

std::vector<std::string> cifar10_class_names() {
  return {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
}

void append(PictureTable& table, const std::string& path, const Version& version = kCifar10) {
  const std::size_t record_size = version.labels + kChannels * kPlane;
  std::error_code failure;
  const std::uintmax_t bytes = std::filesystem::file_size(path, failure);
  if (failure) throw FileError(path, ": cannot be read: ", failure.message(), ".");
  if (bytes == 0 || bytes % record_size != 0) {
    throw FileError(path, ": expected whole records of ", record_size, " bytes (", version.name,
                    "'s binary version), found ", bytes, " bytes, which is ", bytes / record_size, " records and ",
                    bytes % record_size, " bytes. The file is cut off or of another kind; copy or download it again.");
  }
  std::ifstream file(path, std::ios::binary);
  std::vector<std::uint8_t> record(record_size);
  table.labels.reserve(table.labels.size() + bytes / record_size);
  table.pixels.reserve(table.pixels.size() + bytes / record_size * kChannels * kPlane);
  for (std::uintmax_t i = 0; i < bytes / record_size; ++i) {
    file.read(reinterpret_cast<char*>(record.data()), static_cast<std::streamsize>(record_size));
    if (!file) throw FileError(path, ": cannot be read to its end (record ", i, ").");
    const std::uint8_t label = record[version.label];
    if (label >= table.class_names.size()) {
      throw FileError(path, ": record ", i, " has label ", static_cast<int>(label), ", expected 0 to ",
                      table.class_names.size() - 1, ". Is it ", version.name, "'s binary version, and do the names in ",
                      version.names_file, " belong to it?");
    }
    table.labels.push_back(label);
    const std::uint8_t* pixels = record.data() + version.labels;
    for (std::size_t pixel = 0; pixel < kPlane; ++pixel) {
      for (std::size_t c = 0; c < kChannels; ++c) table.pixels.push_back(pixels[c * kPlane + pixel]);
    }
  }
}

std::vector<std::string> class_names_of(const std::filesystem::path& folder) {
  const std::string path = (folder / kNamesFile).string();
  if (!std::filesystem::exists(path)) return cifar10_class_names();
  std::vector<std::string> names = read_class_names(path);
  if (names.size() <= kMostClasses) return names;
  throw FileError(path, ": has ", names.size(), " class names, expected one a line for 1 to ", kMostClasses,
                  " classes.");
}

std::vector<std::string> cifar100_class_names(const std::filesystem::path& folder, const Version& version,
                                              std::size_t classes) {
  const std::string path = (folder / version.names_file).string();
  if (!std::filesystem::exists(path)) return numbers_as_names(static_cast<std::int32_t>(classes) - 1);
  std::vector<std::string> names = read_class_names(path);
  if (names.size() == classes) return names;
  throw FileError(path, ": has ", names.size(), " class names, expected one a line for ", classes, " classes.");
}

}  // namespace

PictureTable read_cifar10_file(const std::string& path) {
  PictureTable table = empty_table(cifar10_class_names());
  append(table, path);
  return table;
}

PictureTable read_cifar10_folder(const std::string& folder, Split split) {
  namespace fs = std::filesystem;
  if (!fs::is_directory(folder)) throw FileError(folder, ": there is no such folder.");
  std::vector<std::string> names;
  if (split == Split::kTest) names = {"test_batch.bin"};
  for (int i = 1; split == Split::kTrain && i <= 5; ++i) names.push_back("data_batch_" + std::to_string(i) + ".bin");
  PictureTable table = empty_table(class_names_of(folder));
  for (const std::string& name : names) {
    const fs::path path = fs::path(folder) / name;
    if (fs::exists(path)) append(table, path.string());
  }
  if (table.count() == 0) {
    throw FileError(folder, ": has no ", split == Split::kTrain ? "data_batch_1.bin to data_batch_5.bin" : names[0],
                    ". Expected CIFAR-10's binary version (cifar-10-batches-bin).");
  }
  return table;
}

PictureTable read_cifar100_folder(const std::string& folder, Split split, Cifar100Labels labels) {
  namespace fs = std::filesystem;
  const bool fine = labels == Cifar100Labels::kFine;
  const Version& version = fine ? kCifar100Fine : kCifar100Coarse;
  const fs::path path = fs::path(folder) / (split == Split::kTrain ? "train.bin" : "test.bin");
  if (!fs::exists(path)) {
    throw FileError(path.string(), ": there is no such file. Expected CIFAR-100's binary version (cifar-100-binary).");
  }
  PictureTable table = empty_table(cifar100_class_names(folder, version, fine ? 100 : 20));
  append(table, path.string(), version);
  return table;
}

}  // namespace rensa
