#include "trainer/datasets/cifar_files.h"

#include <filesystem>
#include <fstream>
#include <numeric>
#include <span>
#include <vector>

#include "core/device/random.h"
#include "core/error.h"
#include "core/serializers/file_replacement.h"
#include "trainer/images/image_error.h"
#include "trainer/images/jpeg_reader.h"

namespace rensa {
namespace {

constexpr int kSide = 32;

/// The label, then all red, all green and all blue bytes.
std::vector<char> record(const ImageSource& source, std::int64_t index) {
  const std::vector<std::uint8_t> bytes = source.read(index);
  images::JpegReader reader(bytes, source.name(index));
  if (reader.height() != kSide || reader.width() != kSide) {
    throw FileError(source.name(index), ": has ", reader.height(), " x ", reader.width(), " pixels, expected 32 x 32.");
  }
  const images::Image image = reader.decode();
  std::vector<char> out = {static_cast<char>(source.label(index))};
  for (int channel = 0; channel < images::Image::kChannels; ++channel) {
    for (int i = 0; i < kSide * kSide; ++i)
      out.push_back(static_cast<char>(image.row(0)[i * images::Image::kChannels + channel]));
  }
  return out;
}

void write_file(const ImageSource& source, std::span<const std::int64_t> order, const std::string& path) {
  FileReplacement file(path);
  std::ofstream out(file.path(), std::ios::binary);
  for (const std::int64_t index : order) {
    const std::vector<char> bytes = record(source, index);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  out.close();
  if (!out) throw FileError(path, ": cannot be written. Is the disk full?");
  file.commit();
}

std::vector<std::int64_t> numbers(std::int64_t count) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), std::int64_t{0});
  return all;
}

}  // namespace

void write_cifar10_folder(const ImageSource& train, const ImageSource& test, const std::string& folder,
                          std::uint64_t seed) {
  if (train.class_names().size() > 10) {
    throw FileError(train.name(0), ": is one of ", train.class_names().size(), " classes, CIFAR-10's files hold 10.");
  }
  std::filesystem::create_directories(folder);
  std::vector<std::int64_t> order = numbers(train.size());
  RandomStream random(seed, Purpose::kShuffle);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  constexpr std::size_t kFiles = 5;
  for (std::size_t i = 0; i < kFiles; ++i) {
    const std::size_t begin = order.size() * i / kFiles, end = order.size() * (i + 1) / kFiles;
    write_file(train, std::span(order).subspan(begin, end - begin),
               folder + "/data_batch_" + std::to_string(i + 1) + ".bin");
  }
  write_file(test, numbers(test.size()), folder + "/test_batch.bin");
  std::ofstream names(folder + "/batches.meta.txt");
  for (const std::string& name : train.class_names()) names << name << '\n';
  names.close();
  if (!names) throw FileError(folder + "/batches.meta.txt", ": cannot be written. Is the disk full?");
}

}  // namespace rensa
