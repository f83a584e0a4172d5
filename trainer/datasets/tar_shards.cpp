#include "trainer/datasets/tar_shards.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>
#include <numeric>

#include "core/device/random.h"
#include "core/error.h"
#include "core/serializers/file_replacement.h"

namespace rensa {
namespace {

namespace fs = std::filesystem;

std::string numbered(std::int64_t number, int digits) {
  const std::string text = std::to_string(number);
  return std::string(static_cast<std::size_t>(std::max(0, digits - static_cast<int>(text.size()))), '0') + text;
}

std::string shard_path(const std::string& prefix, std::size_t number) {
  return prefix + "-" + numbered(static_cast<std::int64_t>(number), 6) + ".tar";
}

/// Removes what an older and larger pack has left: shards from number `count` on. Archives with other names stay.
void remove_shards_from(const std::string& prefix, std::size_t count) {
  for (const std::string& path : list_tar_shards(prefix)) {
    const std::string name = fs::path(path).filename().string();
    const std::size_t digits = name.rfind('-') + 1;
    std::size_t number = 0;
    std::from_chars(name.data() + digits, name.data() + name.size(), number);
    if (number >= count && name == fs::path(shard_path(prefix, number)).filename().string()) fs::remove(path);
  }
}

/// One archive that is being written.
class TarWriter {
 public:
  explicit TarWriter(const std::string& path)
      : path_(path), file_(path), tar_(archive_write_new(), archive_write_free) {
    check(archive_write_set_format_ustar(tar_.get()));
    check(archive_write_set_bytes_in_last_block(tar_.get(), 1));
    check(archive_write_open_filename(tar_.get(), file_.path().c_str()));
  }

  void add(const std::string& name, const void* bytes, std::size_t size) {
    const std::unique_ptr<archive_entry, decltype(&archive_entry_free)> entry(archive_entry_new(), archive_entry_free);
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_size(entry.get(), static_cast<std::int64_t>(size));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    check(archive_write_header(tar_.get(), entry.get()));
    if (archive_write_data(tar_.get(), bytes, size) != static_cast<la_ssize_t>(size)) check(ARCHIVE_FATAL);
    written_ += static_cast<std::int64_t>(size);
  }

  void close() { check(archive_write_close(tar_.get())); }
  /// To be called after close(): from now on it has its name.
  void commit() { file_.commit(); }
  std::int64_t written() const { return written_; }

 private:
  void check(int status) const {
    if (status == ARCHIVE_OK) return;
    throw FileError(path_, ": cannot be written: ", archive_error_string(tar_.get()), ".");
  }

  const std::string path_;
  FileReplacement file_;
  const std::unique_ptr<archive, decltype(&archive_write_free)> tar_;
  std::int64_t written_ = 0;
};

}  // namespace

std::vector<std::string> pack_tar_shards(const ImageSource& source, const std::string& prefix,
                                         const PackOptions& options) {
  const fs::path folder = fs::path(prefix).parent_path();
  if (!folder.empty()) fs::create_directories(folder);

  std::vector<std::int64_t> order(static_cast<std::size_t>(source.size()));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  if (options.shuffle) {
    RandomStream random(options.seed, Purpose::kShuffle);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  }
  std::vector<std::string> paths;
  std::vector<std::unique_ptr<TarWriter>> shards;  // they get their names together: a pack that fails changes nothing
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (shards.empty() || shards.back()->written() >= options.shard_bytes) {
      if (!shards.empty()) shards.back()->close();
      paths.push_back(shard_path(prefix, paths.size()));
      shards.push_back(std::make_unique<TarWriter>(paths.back()));
    }
    TarWriter& shard = *shards.back();
    const std::string key = numbered(static_cast<std::int64_t>(i), 8), label = std::to_string(source.label(order[i]));
    const std::vector<std::uint8_t> bytes = source.read(order[i]);
    shard.add(key + ".jpg", bytes.data(), bytes.size());
    shard.add(key + ".cls", label.data(), label.size());
  }
  if (!shards.empty()) shards.back()->close();
  for (const auto& shard : shards) shard->commit();
  remove_shards_from(prefix, paths.size());
  std::string names;
  for (const std::string& name : source.class_names()) names += name + '\n';
  replace_file((folder / "classes.txt").string(), names);
  return paths;
}

std::vector<std::string> list_tar_shards(const std::string& prefix) {
  const fs::path start(prefix);
  const fs::path folder = start.parent_path().empty() ? fs::path(".") : start.parent_path();
  std::vector<std::string> found;
  if (!fs::is_directory(folder)) return found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(start.filename().string() + "-") && name.ends_with(".tar"))
      found.push_back(entry.path().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace rensa
