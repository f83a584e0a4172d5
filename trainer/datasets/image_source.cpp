#include "trainer/datasets/image_source.h"

#include <filesystem>
#include <fstream>

#include "core/error.h"
#include "trainer/datasets/tar_shards.h"

namespace rensa {
namespace {

class KeptInMemory final : public ImageSource {
 public:
  KeptInMemory(std::unique_ptr<ImageSource> source, std::shared_ptr<ByteCache> cache)
      : source_(std::move(source)), cache_(std::move(cache)) {}

  std::int64_t size() const override { return source_->size(); }
  std::string name(std::int64_t index) const override { return source_->name(index); }
  std::int32_t label(std::int64_t index) const override { return source_->label(index); }
  const std::vector<std::string>& class_names() const override { return source_->class_names(); }

  std::vector<std::uint8_t> read(std::int64_t index) const override {
    std::vector<std::uint8_t> bytes;
    if (cache_->visit(index, [&](ByteCache::Bytes kept) { bytes.assign(kept.begin(), kept.end()); })) return bytes;
    bytes = source_->read(index);
    cache_->put(index, {bytes});
    return bytes;
  }

 private:
  const std::unique_ptr<ImageSource> source_;
  const std::shared_ptr<ByteCache> cache_;
};

}  // namespace

std::unique_ptr<ImageSource> keep_in_memory(std::unique_ptr<ImageSource> source, std::shared_ptr<ByteCache> cache) {
  return std::make_unique<KeptInMemory>(std::move(source), std::move(cache));
}

std::unique_ptr<ImageSource> keep_in_memory(std::unique_ptr<ImageSource> source, std::int64_t bytes) {
  auto cache = make_memory_cache(source->size(), bytes);
  return keep_in_memory(std::move(source), std::move(cache));
}

PhotographForm photograph_form(const std::string& data, const std::string& part) {
  const std::string place = data + "/" + part;
  if (std::filesystem::exists(place + ".txt")) return PhotographForm::kList;
  if (std::filesystem::is_directory(place)) return PhotographForm::kFolders;
  return list_tar_shards(place).empty() ? PhotographForm::kNone : PhotographForm::kShards;
}

std::unique_ptr<ImageSource> open_photographs(const std::string& data, const std::string& part,
                                              const std::vector<std::string>& class_names) {
  const std::string place = data + "/" + part;
  switch (photograph_form(data, part)) {
    case PhotographForm::kList:
      return open_image_list(place + ".txt", data, class_names);
    case PhotographForm::kFolders:
      return open_image_folder(place, class_names);
    case PhotographForm::kShards:
      return open_tar_shards(list_tar_shards(place), class_names);
    case PhotographForm::kNone:
      break;
  }
  throw FileError(data, ": has no pictures of the part \"", part, "\". Expected the list ", part, ".txt, the folders ",
                  part, "/<class>, or the shards ", part, "-*.tar.");
}

void check_label(const std::string& what, std::int64_t label, std::size_t classes) {
  if (label >= 0 && label < static_cast<std::int64_t>(classes)) return;
  throw FileError(what, ": has the label ", label, ", expected a class number from 0 to ",
                  static_cast<std::int64_t>(classes) - 1, ".");
}

std::vector<std::string> read_class_names(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> names;
  for (std::string line; std::getline(file, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) names.push_back(line);
  }
  if (names.empty()) throw FileError(path, ": cannot be read or holds no class names. Expected one a line.");
  return names;
}

std::vector<std::string> numbers_as_names(std::int32_t largest) {
  std::vector<std::string> names;
  for (std::int32_t number = 0; number <= largest; ++number) names.push_back(std::to_string(number));
  return names;
}

}  // namespace rensa
