#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>

#include "core/error.h"
#include "trainer/datasets/image_source.h"
#include "trainer/datasets/open_file.h"
#include "trainer/images/file_kind.h"
#include "trainer/images/image_error.h"

namespace rensa {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kBlock = 512;  ///< tar's unit

struct Member {
  std::int64_t offset = -1, size = 0;
  bool is_symbolic_link = false;
};

/// "folder/000017.jpg" is the part "jpg" of the sample "folder/000017"; the first dot of the last name divides.
std::pair<std::string, std::string> key_and_part(const std::string& path) {
  const std::size_t dot = path.find('.', path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  return dot == std::string::npos ? std::pair(path, std::string())
                                  : std::pair(path.substr(0, dot), path.substr(dot + 1));
}

/// Calls use(name, member) with every file and symbolic link of an archive, by its headers alone. A hard link is a
/// second name for a file before it.
template <class Use>
void list_members(const std::string& path, const OpenFile& file, const Use& use) {
  const std::int64_t file_size = file.size();
  std::map<std::string, Member> files;
  const std::unique_ptr<archive, decltype(&archive_read_free)> tar(archive_read_new(), archive_read_free);
  archive_read_support_format_tar(tar.get());
  const auto refuse = [&] {
    throw FileError(path, ": is not a whole uncompressed tar archive: ", archive_error_string(tar.get()), ".");
  };
  if (archive_read_open_fd(tar.get(), file.descriptor(), 64 * 1024) != ARCHIVE_OK) refuse();
  while (true) {
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(tar.get(), &entry);
    if (status == ARCHIVE_EOF) return;
    if (status < ARCHIVE_WARN) refuse();
    const std::int64_t size = archive_entry_size(entry);
    const std::string name = archive_entry_pathname(entry);
    const auto type = archive_entry_filetype(entry);
    const char* const link = archive_entry_hardlink(entry);
    const std::string linked = link && size == 0 ? link : "";  // some writers repeat the file's bytes
    if (archive_read_data_skip(tar.get()) < ARCHIVE_WARN) refuse();
    // The reader stands behind the file and its padding.
    const std::int64_t end = archive_filter_bytes(tar.get(), 0);
    Member member{end - (size + kBlock - 1) / kBlock * kBlock, size, type == AE_IFLNK};
    if (linked.empty() && member.offset + size > file_size) {
      throw FileError(path, ": is not a whole uncompressed tar archive: it ends inside ", name, ".");
    }
    if (!linked.empty()) {
      const auto first = files.find(linked);
      if (first == files.end())
        throw FileError(path, ": ", name, " is a link to ", linked, ", which is not before it.");
      member = first->second;
    } else if (type != AE_IFREG && type != AE_IFLNK) {
      continue;
    }
    files[name] = member;
    use(name, member);
  }
}

class TarShardsSource final : public ImageSource {
 public:
  TarShardsSource(std::vector<std::string> archives, const std::vector<std::string>& class_names)
      : archives_(std::move(archives)), class_names_(class_names) {
    if (archives_.empty()) throw FileError("tar shards: no archive was given.");
    std::sort(archives_.begin(), archives_.end());
    for (std::size_t i = 0; i < archives_.size(); ++i) {
      files_.push_back(std::make_unique<OpenFile>(archives_[i]));
      list_archive(i, *files_.back());
    }
    if (samples_.empty())
      throw FileError(archives_.front(), ": has no samples. Expected <key>.jpg and <key>.cls for each.");
    const std::string names = (fs::path(archives_.front()).parent_path() / "classes.txt").string();
    if (class_names_.empty() && fs::exists(names)) class_names_ = read_class_names(names);
    if (class_names_.empty()) {
      const auto most = std::ranges::max_element(samples_, {}, &Sample::label);
      class_names_ = numbers_as_names(most->label);
    }
    for (std::int64_t i = 0; i < size(); ++i) check_label(name(i), label(i), class_names_.size());
  }

  std::int64_t size() const override { return static_cast<std::int64_t>(samples_.size()); }
  std::string name(std::int64_t index) const override {
    return archives_[sample(index).archive] + ":" + sample(index).name;
  }
  std::int32_t label(std::int64_t index) const override { return sample(index).label; }
  const std::vector<std::string>& class_names() const override { return class_names_; }

  std::vector<std::uint8_t> read(std::int64_t index) const override {
    const Sample& wanted = sample(index);
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(wanted.picture.size));
    if (!files_[wanted.archive]->read(wanted.picture.offset, std::as_writable_bytes(std::span(bytes)))) {
      throw images::ImageError(name(index), "the archive ends before the picture does");
    }
    return bytes;
  }

 private:
  struct Sample {
    std::size_t archive;
    std::string name;  ///< of the picture's member
    Member picture;
    std::int32_t label;
  };
  const Sample& sample(std::int64_t index) const { return samples_[static_cast<std::size_t>(index)]; }

  void list_archive(std::size_t number, const OpenFile& file) {
    const std::string& path = archives_[number];
    std::map<std::string, Member> labels;                       // by key
    std::vector<std::pair<std::string, std::string>> pictures;  // key and member, as they lie
    std::map<std::string, Member> places;
    list_members(path, file, [&](const std::string& name, const Member& member) {
      const auto [key, part] = key_and_part(name);
      const bool is_picture = images::is_jpeg_extension(part);
      if (!is_picture && part != "cls") return;
      if (member.is_symbolic_link) {
        throw FileError(path, ": ", name, " is a symbolic link. Pack the files themselves (tar --dereference).");
      }
      if (!is_picture) {
        labels[key] = member;
        return;
      }
      pictures.emplace_back(key, name);
      places[name] = member;
    });
    for (const auto& [key, name] : pictures) {
      const auto found = labels.find(key);
      if (found == labels.end()) throw FileError(path, ": ", name, " has no ", key, ".cls with its class number.");
      samples_.push_back({number, name, places.at(name), read_label(number, key, found->second)});
    }
  }

  std::int32_t read_label(std::size_t number, const std::string& key, const Member& member) const {
    std::vector<std::uint8_t> text(static_cast<std::size_t>(std::min<std::int64_t>(member.size, 32)));
    const bool whole = files_[number]->read(member.offset, std::as_writable_bytes(std::span(text)));
    const char* const begin = reinterpret_cast<const char*>(text.data());
    std::int32_t label = -1;
    const auto [end, error] = std::from_chars(begin, begin + text.size(), label);
    const bool only_blanks =
        std::all_of(end, begin + text.size(), [](char c) { return c == '\n' || c == '\r' || c == ' '; });
    if (whole && error == std::errc() && only_blanks && label >= 0 && label <= kLargestLabel) return label;
    throw FileError(archives_[number], ": ", key, ".cls holds \"", std::string(begin, text.size()),
                    "\", expected a class number from 0 to ", kLargestLabel, ".");
  }

  std::vector<std::string> archives_;
  std::vector<std::string> class_names_;
  std::vector<std::unique_ptr<OpenFile>> files_;
  std::vector<Sample> samples_;
};

}  // namespace

std::unique_ptr<ImageSource> open_tar_shards(std::vector<std::string> archives,
                                             const std::vector<std::string>& class_names) {
  return std::make_unique<TarShardsSource>(std::move(archives), class_names);
}

}  // namespace rensa
