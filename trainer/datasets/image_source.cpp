#include "trainer/datasets/image_source.h"

#include <fstream>
#include <mutex>

#include "core/error.h"

namespace rensa {
namespace {

class KeptInMemory final : public ImageSource {
 public:
  KeptInMemory(std::unique_ptr<ImageSource> source, std::int64_t bytes)
      : source_(std::move(source)), left_(bytes), kept_(static_cast<std::size_t>(source_->size())) {}

  std::int64_t size() const override { return source_->size(); }
  std::string name(std::int64_t index) const override { return source_->name(index); }
  std::int32_t label(std::int64_t index) const override { return source_->label(index); }
  const std::vector<std::string>& class_names() const override { return source_->class_names(); }

  std::vector<std::uint8_t> read(std::int64_t index) const override {
    Bytes& place = kept_[static_cast<std::size_t>(index)];
    {
      const std::lock_guard lock(mutex_);
      if (place) return *place;
    }
    std::vector<std::uint8_t> bytes = source_->read(index);
    const auto size = static_cast<std::int64_t>(bytes.size());
    const std::lock_guard lock(mutex_);
    if (!place && size <= left_) {
      left_ -= size;
      place = std::make_shared<const std::vector<std::uint8_t>>(bytes);
    }
    return bytes;
  }

 private:
  using Bytes = std::shared_ptr<const std::vector<std::uint8_t>>;
  const std::unique_ptr<ImageSource> source_;
  mutable std::mutex mutex_;
  mutable std::int64_t left_;
  mutable std::vector<Bytes> kept_;
};

}  // namespace

std::unique_ptr<ImageSource> keep_in_memory(std::unique_ptr<ImageSource> source, std::int64_t bytes) {
  return std::make_unique<KeptInMemory>(std::move(source), bytes);
}

void check_label(const std::string& what, std::int64_t label, std::size_t classes) {
  if (label >= 0 && label < static_cast<std::int64_t>(classes)) return;
  throw FileError(what, ": has the label ", label, ", expected a class number from 0 to ", static_cast<std::int64_t>(classes) - 1, ".");
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
