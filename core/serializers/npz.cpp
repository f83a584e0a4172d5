#include "core/serializers/npz.h"

#include <xxhash.h>
#include <zip.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.h"
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

/// Python's rule: the path of a child is stripped of slashes.
std::string child_prefix(const std::string& prefix, std::string_view name) {
  while (name.starts_with('/')) name.remove_prefix(1);
  while (name.ends_with('/')) name.remove_suffix(1);
  return prefix + std::string(name) + "/";
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

struct NpzReader::Archive {
  struct Discard {
    void operator()(zip_t* archive) const { zip_discard(archive); }
  };
  std::string path;
  std::unique_ptr<zip_t, Discard> owned;
  zip_t* zip = nullptr;                         ///< owned.get(), for libzip's calls
  std::map<std::string, zip_uint64_t> members;  ///< by key, without ".npy"
  std::map<std::string, std::string> checksums;

  explicit Archive(const std::string& file) : path(file) {
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
    if (!members.contains(std::string(kChecksumsKey))) return;
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

  std::vector<std::byte> bytes(const std::string& key) const {
    const zip_uint64_t index = members.at(key);
    zip_stat_t stat;
    if (zip_stat_index(zip, index, 0, &stat) != 0) throw FileError(path, ": ", key, ": ", zip_strerror(zip), ".");
    zip_file_t* file = zip_fopen_index(zip, index, 0);
    if (!file) throw FileError(path, ": ", key, ": ", zip_strerror(zip), ".");
    // The size in the archive's table is only a claim: memory grows with what there really is.
    std::vector<std::byte> content;
    std::size_t done = 0;
    zip_int64_t got = 1;
    while (got > 0 && done < stat.size) {
      content.resize(std::min<std::uint64_t>(stat.size, std::max(2 * done, kFirstRead)));
      got = zip_fread(file, content.data() + done, content.size() - done);
      if (got > 0) done += static_cast<std::size_t>(got);
    }
    const bool whole = done == stat.size && zip_fread(file, &got, 1) == 0;  // reading the end checks the CRC
    zip_fclose(file);
    if (!whole) throw FileError(path, ": ", key, ": the member is damaged.");
    const auto expected = checksums.find(key);
    if (expected != checksums.end() && expected->second != checksum(content)) {
      throw FileError(path, ": ", key, ": the member's checksum is wrong.");
    }
    return content;
  }
};

NpzReader::NpzReader(const std::string& path, const std::string& prefix)
    : archive_(std::make_shared<Archive>(path)), prefix_(prefix) {}
NpzReader::NpzReader(std::shared_ptr<Archive> archive, std::string prefix)
    : archive_(std::move(archive)), prefix_(std::move(prefix)) {}
NpzReader::~NpzReader() = default;

std::string NpzReader::what(std::string_view name) const { return archive_->path + ": " + prefix_ + std::string(name); }

bool NpzReader::has(std::string_view name) const {
  const std::string key = prefix_ + std::string(name);
  if (!archive_->members.contains(key)) return false;
  const npy::Value value = npy::read(archive_->bytes(key), what(name));
  return value.is_text || value.array;
}

Array NpzReader::array(std::string_view name) const {
  const std::string key = prefix_ + std::string(name);
  if (!archive_->members.contains(key)) {
    throw FileError(archive_->path, ": has no value \"", key, "\". It was made for another network or version.");
  }
  const npy::Value value = npy::read(archive_->bytes(key), what(name));
  if (!value.array)
    throw FileError(what(name), ": holds ", value.is_text ? "a text" : "nothing", ", expected numbers.");
  return value.array;
}

Array NpzReader::scalar(std::string_view name) const {
  const Array value = array(name);
  if (value.size() != 1) throw FileError(what(name), ": has shape ", value.shape(), ", expected a single number.");
  return value;
}

void NpzReader::operator()(std::string_view name, std::int64_t& value) {
  const Array stored = scalar(name);
  if (stored.dtype() == Dtype::kFloat32 || stored.dtype() == Dtype::kFloat64) {
    throw FileError(what(name), ": is ", stored.dtype(), ", expected a whole number.");
  }
  value = to_vector<std::int64_t>(stored)[0];
}
void NpzReader::operator()(std::string_view name, double& value) { value = scalar(name).item<double>(); }
void NpzReader::operator()(std::string_view name, bool& value) { value = scalar(name).item<double>() != 0; }

void NpzReader::operator()(std::string_view name, std::string& value) {
  const std::string key = prefix_ + std::string(name);
  if (!archive_->members.contains(key)) throw FileError(archive_->path, ": has no value \"", key, "\".");
  npy::Value stored = npy::read(archive_->bytes(key), what(name));
  if (!stored.is_text) throw FileError(what(name), ": holds numbers, expected a text.");
  value = std::move(stored.text);
}

void NpzReader::operator()(std::string_view name, Array& value) {
  if (!value && archive_->members.contains(prefix_ + std::string(name)) && !has(name)) return;  // None stays None
  const Array stored = array(name);
  if (!value) {
    value = stored;
    return;
  }
  if (stored.shape() != value.shape()) {
    throw FileError(what(name), ": has shape ", stored.shape(), ", expected ", value.shape(),
                    ". It was made for another network.");
  }
  value.copy_from(stored);
}

Serializer& NpzReader::child(std::string_view name) {
  auto& child = children_[std::string(name)];
  if (!child) child.reset(new NpzReader(archive_, child_prefix(prefix_, name)));
  return *child;
}

std::vector<std::string> NpzReader::keys() const {
  std::vector<std::string> result;
  for (const auto& [key, index] : archive_->members) {
    if (key.starts_with(prefix_) && key != kChecksumsKey) result.push_back(key.substr(prefix_.size()));
  }
  return result;
}

}  // namespace rensa
