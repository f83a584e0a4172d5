#include "trainer/datasets/image_folder.h"

#include <algorithm>
#include <filesystem>

#include "core/device/random.h"
#include "core/error.h"
#include "trainer/images/file_kind.h"
#include "trainer/images/image_error.h"

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

}  // namespace

ImageFolder::ImageFolder(const std::string& root, ImageFolderOptions options)
    : root_(root), options_(std::move(options)) {
  const std::vector<std::string> folders = class_folders(root_);
  if (options_.class_names.empty()) options_.class_names = folders;
  for (const std::string& folder : folders) {
    const auto found = std::ranges::find(options_.class_names, folder);
    if (found == options_.class_names.end()) {
      throw FileError(root_, ": has a class \"", folder, "\" that the training folder does not have (",
                      options_.class_names.size(), " classes, from \"", options_.class_names.front(), "\" to \"",
                      options_.class_names.back(), "\").");
    }
    list_class(folder, static_cast<std::int32_t>(found - options_.class_names.begin()));
  }
  if (!options_.train) images::centre_crop(1, 1, options_.resize, options_.crop.size);  // refuses sizes that cannot be
  if (options_.crop.size < 1)
    throw ValueError("ImageFolder: a side of ", options_.crop.size, " pixels must be positive.");
  problems_ = std::make_unique<ImageProblems>(options_.max_bad_images, options_.on_problem);
}

void ImageFolder::list_class(const std::string& name, std::int32_t label) {
  const fs::path folder = fs::path(root_) / name;
  std::vector<std::string> paths;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && images::named_like_a_jpeg(entry.path())) {
      paths.push_back(fs::path(name) / entry.path().lexically_relative(folder));
    }
  }
  if (paths.empty())
    throw FileError(folder.string(), ": has no .jpg or .jpeg files. Fill the class or remove its folder.");
  std::ranges::sort(paths);
  for (std::string& path : paths) files_.push_back({std::move(path), label});
}

std::string ImageFolder::path(std::int64_t index) const {
  check_sample_index(index, size());
  return (fs::path(root_) / files_[static_cast<std::size_t>(index)].path).string();
}

std::int32_t ImageFolder::label(std::int64_t index) const {
  check_sample_index(index, size());
  return files_[static_cast<std::size_t>(index)].label;
}

std::vector<FieldSpec> ImageFolder::fields() const {
  const std::int64_t side = options_.crop.size;
  return {{{images::Image::kChannels, side, side}, Dtype::kFloat32, Layout::kChannelsLast},
          {{}, Dtype::kInt32, Layout::kRowMajor}};
}

void ImageFolder::fill(std::int64_t index, const SampleContext& context, const BatchSlot& slot) const {
  check_sample_index(index, size());
  for (std::int64_t tries = 0; tries < size(); ++tries) {
    if (try_fill((index + tries) % size(), context, slot)) return;
  }
  throw FileError(root_, ": none of its ", size(), " pictures can be read.");
}

bool ImageFolder::try_fill(std::int64_t index, const SampleContext& context, const BatchSlot& slot) const {
  const std::string file = path(index);
  try {
    const std::vector<std::uint8_t> bytes = images::read_image_file(file);
    images::JpegReader reader(bytes, file);
    RandomStream random(context.seed, Purpose::kAugment, static_cast<std::uint64_t>(context.epoch),
                        static_cast<std::uint64_t>(index));
    const images::View view =
        options_.train ? images::random_resized_crop(reader.height(), reader.width(), options_.crop, random)
                       : images::centre_crop(reader.height(), reader.width(), options_.resize, options_.crop.size);
    images::render(reader, view, options_.normalization, slot.data<float>(0).data());
    slot.data<std::int32_t>(1)[0] = label(index);
    if (reader.warnings() > 0) problems_->add({index, file, reader.first_warning(), /*bad=*/false});
    return true;
  } catch (const images::ImageError& error) {
    problems_->add({index, file, error.reason(), /*bad=*/true});
    return false;
  }
}

}  // namespace rensa
