#include "core/serializers/npz.h"

#include <xxhash.h>
#include <zip.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/serializers/child_prefix.h"
#include "core/serializers/file_replacement.h"
#include "core/serializers/npy.h"

namespace rensa {
namespace {

constexpr std::string_view kChecksumsKey = "rensa/checksums";
constexpr std::string_view kCommentStart = "rensa-xxh64:";  // and 16 hexadecimal digits
constexpr std::size_t kFirstRead = std::size_t{1} << 20;
constexpr std::size_t kCommentSize = kCommentStart.size() + 16;

std::string hexadecimal(std::uint64_t value) {
  std::string text(16, '0');
  for (std::size_t i = 16; i-- > 0; value >>= 4) text[i] = "0123456789abcdef"[value & 15];
  return text;
}

std::string checksum(const std::vector<std::byte>& bytes) { return hexadecimal(XXH64(bytes.data(), bytes.size(), 0)); }

/// The checksum of a file's first `size` bytes.
std::string file_checksum(const std::string& path, std::uint64_t size) {
  std::ifstream file(path, std::ios::binary);
  const std::unique_ptr<XXH64_state_t, decltype(&XXH64_freeState)> state(XXH64_createState(), XXH64_freeState);
  XXH64_reset(state.get(), 0);
  std::vector<char> block(std::size_t{1} << 20);
  while (size > 0) {
    const auto wanted = static_cast<std::streamsize>(std::min<std::uint64_t>(size, block.size()));
    if (!file.read(block.data(), wanted)) throw FileError(path, ": cannot be read to its end.");
    XXH64_update(state.get(), block.data(), static_cast<std::size_t>(wanted));
    size -= static_cast<std::uint64_t>(wanted);
  }
  return hexadecimal(XXH64_digest(state.get()));
}

}  // namespace

// Writing

struct NpzWriter::Members {
  std::map<std::string, std::vector<std::byte>> bytes;
};

NpzWriter::NpzWriter() : members_(std::make_shared<Members>()) {}
NpzWriter::NpzWriter(std::shared_ptr<Members> members, std::string prefix)
    : members_(std::move(members)), prefix_(std::move(prefix)) {}
NpzWriter::~NpzWriter() = default;

void NpzWriter::put(std::string_view name, std::vector<std::byte> bytes) {
  members_->bytes[prefix_ + std::string(name)] = std::move(bytes);
}

void NpzWriter::operator()(std::string_view name, std::int64_t& value) {
  put(name, npy::write(full({}, 0, Dtype::kInt64)));
  auto& bytes = members_->bytes[prefix_ + std::string(name)];
  std::memcpy(bytes.data() + bytes.size() - sizeof value, &value, sizeof value);  // a double would round it
}
void NpzWriter::operator()(std::string_view name, double& value) {
  put(name, npy::write(full({}, value, Dtype::kFloat64)));
}
void NpzWriter::operator()(std::string_view name, bool& value) {
  put(name, npy::write(full({}, value ? 1 : 0, Dtype::kBool)));
}
void NpzWriter::operator()(std::string_view name, std::string& value) { put(name, npy::write(value)); }
void NpzWriter::operator()(std::string_view name, Array& value) {
  put(name, value ? npy::write(value) : npy::write_none());
}

Serializer& NpzWriter::child(std::string_view name) {
  auto& child = children_[std::string(name)];
  if (!child) child.reset(new NpzWriter(members_, child_prefix(prefix_, name)));
  return *child;
}

void NpzWriter::save(const std::string& path, bool compress) const {
  FileReplacement file(path);
  std::map<std::string, std::string> checksums;
  for (const auto& [key, bytes] : members_->bytes) checksums[key] = checksum(bytes);
  const std::vector<std::byte> table = npy::write(nlohmann::json(checksums).dump());

  int code = 0;
  zip_t* archive = zip_open(file.path().c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code);
  if (!archive) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const std::string reason = zip_error_strerror(&error);
    zip_error_fini(&error);
    throw FileError(path, ": cannot be written: ", reason, ".");
  }
  const auto fail = [&]() {
    const std::string reason = zip_strerror(archive);
    zip_discard(archive);
    throw FileError(path, ": cannot be written: ", reason, ". An older file of that name is as it was.");
  };
  const auto add = [&](const std::string& key, const std::vector<std::byte>& bytes) {
    zip_source_t* source = zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
    const zip_int64_t index = source ? zip_file_add(archive, (key + ".npy").c_str(), source, ZIP_FL_ENC_UTF_8) : -1;
    if (index < 0) {
      if (source) zip_source_free(source);
      fail();
    }
    const auto at = static_cast<zip_uint64_t>(index);
    if (zip_set_file_compression(archive, at, compress ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0) != 0) fail();
  };
  for (const auto& [key, bytes] : members_->bytes) add(key, bytes);
  add(std::string(kChecksumsKey), table);
  const std::string placeholder = std::string(kCommentStart) + std::string(16, '0');
  if (zip_set_archive_comment(archive, placeholder.data(), static_cast<zip_uint16_t>(placeholder.size())) != 0) fail();
  if (zip_close(archive) != 0) fail();

  // The comment is the end of the file: the checksum of all before it takes its place.
  const std::uint64_t size = std::filesystem::file_size(file.path());
  const std::string comment = std::string(kCommentStart) + file_checksum(file.path(), size - kCommentSize);
  std::fstream stream(file.path(), std::ios::binary | std::ios::in | std::ios::out);
  stream.seekp(-static_cast<std::streamoff>(kCommentSize), std::ios::end);
  stream.write(comment.data(), static_cast<std::streamsize>(comment.size()));
  stream.close();
  if (!stream) throw FileError(path, ": its checksum cannot be written. An older file of that name is as it was.");
  file.commit();
}

// Reading

namespace {

struct Archive final : FileValues {
  struct Discard {
    void operator()(zip_t* archive) const { zip_discard(archive); }
  };
  std::unique_ptr<zip_t, Discard> owned;
  zip_t* zip = nullptr;                         ///< owned.get(), for libzip's calls
  std::map<std::string, zip_uint64_t> members;  ///< by key, without ".npy"
  std::map<std::string, std::string> checksums;

  explicit Archive(const std::string& file) : FileValues(file) {
    if (!std::filesystem::is_regular_file(path)) throw FileError(path, ": there is no such file.");
    check_file();
    int code = 0;
    owned.reset(zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code));
    zip = owned.get();
    if (!zip) throw FileError(path, ": is not a whole .npz file; it was cut short or changed. Use an older one.");
    const zip_int64_t count = zip_get_num_entries(zip, 0);
    for (zip_int64_t i = 0; i < count; ++i) {
      const char* stored = zip_get_name(zip, static_cast<zip_uint64_t>(i), 0);
      if (!stored) throw FileError(path, ": member ", i, " has no name that can be read. Use an older one.");
      std::string name = stored;
      if (name.ends_with(".npy")) name.erase(name.size() - 4);
      members[name] = static_cast<zip_uint64_t>(i);
    }
    if (!members.contains(std::string(kChecksumsKey))) {
      check_members();
      return;
    }
    if (!has_comment()) {
      throw FileError(path, ": was changed after it was written (its checksum is gone). Use an older one.");
    }
    const npy::Value table = npy::read(bytes(std::string(kChecksumsKey)), path);
    try {
      checksums = nlohmann::json::parse(table.text).get<std::map<std::string, std::string>>();
    } catch (const nlohmann::json::exception&) {
      throw FileError(path, ": its table of checksums cannot be read. Use an older one.");
    }
  }
  std::string comment() const {
    const std::uint64_t size = std::filesystem::file_size(path);
    if (size < kCommentSize) return {};
    std::ifstream file(path, std::ios::binary);
    file.seekg(-static_cast<std::streamoff>(kCommentSize), std::ios::end);
    std::string text(kCommentSize, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    return text;
  }
  bool has_comment() const { return comment().starts_with(kCommentStart); }
  void check_file() const {
    const std::string found = comment();
    if (!found.starts_with(kCommentStart)) return;
    const std::string actual = file_checksum(path, std::filesystem::file_size(path) - kCommentSize);
    if (found.substr(kCommentStart.size()) != actual) {
      throw FileError(path, ": was changed after it was written (checksum ", actual, ", expected ",
                      found.substr(kCommentStart.size()), "). Use an older one.");
    }
  }

  struct Close {
    void operator()(zip_file_t* file) const { zip_fclose(file); }
  };
  std::unique_ptr<zip_file_t, Close> open(const std::string& key) const {
    std::unique_ptr<zip_file_t, Close> file(zip_fopen_index(zip, members.at(key), 0));
    if (!file) throw FileError(path, ": ", key, ": ", zip_strerror(zip), ".");
    return file;
  }

  /// NumPy's and Chainer's files have no checksum but the CRC of each member, which reading its end checks.
  void check_members() const {
    std::vector<std::byte> block(kFirstRead);  // nothing is kept: a member may claim and hold more than the memory
    for (const auto& [key, index] : members) {
      const auto file = open(key);
      zip_int64_t got = 1;
      while (got > 0) got = zip_fread(file.get(), block.data(), block.size());
      if (got < 0) throw FileError(path, ": ", key, ": the member is damaged. Use an older file.");
    }
  }

  std::vector<std::byte> bytes(const std::string& key) const {
    zip_stat_t stat;
    if (zip_stat_index(zip, members.at(key), 0, &stat) != 0) {
      throw FileError(path, ": ", key, ": ", zip_strerror(zip), ".");
    }
    const auto file = open(key);
    // The size in the archive's table is only a claim: memory grows with what there really is.
    std::vector<std::byte> content;
    std::size_t done = 0;
    zip_int64_t got = 1;
    while (got > 0 && done < stat.size) {
      content.resize(std::min<std::uint64_t>(stat.size, std::max(2 * done, kFirstRead)));
      got = zip_fread(file.get(), content.data() + done, content.size() - done);
      if (got > 0) done += static_cast<std::size_t>(got);
    }
    const bool whole = done == stat.size && zip_fread(file.get(), &got, 1) == 0;  // reading the end checks the CRC
    if (!whole) throw FileError(path, ": ", key, ": the member is damaged.");
    const auto expected = checksums.find(key);
    if (expected != checksums.end() && expected->second != checksum(content)) {
      throw FileError(path, ": ", key, ": the member's checksum is wrong.");
    }
    return content;
  }

  std::vector<std::string> keys() const override {
    std::vector<std::string> all;
    for (const auto& [key, index] : members) {
      if (key != kChecksumsKey) all.push_back(key);
    }
    return all;
  }
  bool contains(const std::string& key) const override { return members.contains(key); }
  npy::Value value(const std::string& key) const { return npy::read(bytes(key), path + ": " + key); }
  bool is_none(const std::string& key) const override {
    const npy::Value found = value(key);
    return !found.is_text && !found.array;
  }
  Array array(const std::string& key) const override {
    const npy::Value found = value(key);
    if (found.array) return found.array;
    throw FileError(path, ": ", key, ": holds ", found.is_text ? "a text" : "nothing", ", expected numbers.");
  }
  std::string text(const std::string& key) const override {
    npy::Value found = value(key);
    if (!found.is_text) throw FileError(path, ": ", key, ": is not a single text.");
    return std::move(found.text);
  }
};

}  // namespace

NpzReader::NpzReader(const std::string& path, const std::string& prefix)
    : FileReader(std::make_shared<Archive>(path), prefix) {}

}  // namespace rensa
