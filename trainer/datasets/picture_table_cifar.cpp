#include <filesystem>
#include <fstream>

#include "core/error.h"
#include "trainer/datasets/image_source.h"
#include "trainer/datasets/picture_table.h"

namespace rensa {
namespace {

constexpr int kSide = 32, kChannels = 3;
constexpr std::size_t kMostClasses = 10;
constexpr std::size_t kPlane = std::size_t{kSide} * kSide;
constexpr std::size_t kRecord = 1 + kChannels * kPlane;
constexpr const char* kNamesFile = "batches.meta.txt";

PictureTable empty_table() {
  PictureTable table;
  table.height = table.width = kSide;
  table.channels = kChannels;
  for (const char* name : {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}) {
    table.class_names.emplace_back(name);
  }
  return table;
}

void append(PictureTable& table, const std::string& path) {
  std::error_code failure;
  const std::uintmax_t bytes = std::filesystem::file_size(path, failure);
  if (failure) throw FileError(path, ": cannot be read: ", failure.message(), ".");
  if (bytes == 0 || bytes % kRecord != 0) {
    throw FileError(path, ": expected whole records of ", kRecord, " bytes (CIFAR-10's binary version), found ", bytes,
                    " bytes, which is ", bytes / kRecord, " records and ", bytes % kRecord,
                    " bytes. The file is cut off or of another kind; copy or download it again.");
  }
  std::ifstream file(path, std::ios::binary);
  std::vector<std::uint8_t> record(kRecord);
  table.labels.reserve(table.labels.size() + bytes / kRecord);
  table.pixels.reserve(table.pixels.size() + bytes / kRecord * (kRecord - 1));
  for (std::uintmax_t i = 0; i < bytes / kRecord; ++i) {
    file.read(reinterpret_cast<char*>(record.data()), static_cast<std::streamsize>(kRecord));
    if (!file) throw FileError(path, ": cannot be read to its end (record ", i, ").");
    if (record[0] >= table.class_names.size()) {
      throw FileError(path, ": record ", i, " has label ", static_cast<int>(record[0]), ", expected 0 to ",
                      table.class_names.size() - 1, ". Is it CIFAR-10's binary version, and do the names in ",
                      kNamesFile, " belong to it?");
    }
    table.labels.push_back(record[0]);
    for (std::size_t pixel = 0; pixel < kPlane; ++pixel) {
      for (std::size_t c = 0; c < kChannels; ++c) table.pixels.push_back(record[1 + c * kPlane + pixel]);
    }
  }
}

std::vector<std::string> class_names_of(const std::filesystem::path& folder) {
  const std::string path = (folder / kNamesFile).string();
  if (!std::filesystem::exists(path)) return empty_table().class_names;
  std::vector<std::string> names = read_class_names(path);
  if (names.size() <= kMostClasses) return names;
  throw FileError(path, ": has ", names.size(), " class names, expected one a line for 1 to ", kMostClasses,
                  " classes.");
}

}  // namespace

PictureTable read_cifar10_file(const std::string& path) {
  PictureTable table = empty_table();
  append(table, path);
  return table;
}

PictureTable read_cifar10_folder(const std::string& folder, Split split) {
  namespace fs = std::filesystem;
  if (!fs::is_directory(folder)) throw FileError(folder, ": there is no such folder.");
  std::vector<std::string> names;
  if (split == Split::kTest) names = {"test_batch.bin"};
  for (int i = 1; split == Split::kTrain && i <= 5; ++i) names.push_back("data_batch_" + std::to_string(i) + ".bin");
  PictureTable table = empty_table();
  table.class_names = class_names_of(folder);
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

}  // namespace rensa
