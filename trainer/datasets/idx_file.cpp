#include "trainer/datasets/idx_file.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "core/error.h"

namespace rensa {
namespace {

constexpr int kBytesType = 0x08;
constexpr std::int64_t kMaxBytes = std::int64_t{1} << 36;

struct CloseGz {
  void operator()(gzFile_s* file) const { gzclose(file); }
};

/// A gzip or plain file (zlib tells them apart) that is read front to back.
class Source {
 public:
  explicit Source(const std::string& path) : path_(path), file_(gzopen(path.c_str(), "rb")) {
    if (!file_) throw FileError(path, ": cannot be opened: ", std::strerror(errno), ".");
    gzbuffer(file_.get(), 1 << 17);
  }

  /// The bytes read, fewer than `size` at the end of the file.
  std::size_t read(std::uint8_t* to, std::size_t size) {
    constexpr std::size_t kPiece = std::size_t{1} << 30;  // gzread counts in 32 bits
    std::size_t done = 0;
    while (done < size) {
      const int got = gzread(file_.get(), to + done, static_cast<unsigned>(std::min(kPiece, size - done)));
      if (got < 0) throw FileError(path_, ": is damaged: ", reason(), ". Copy or download it again.");
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    int code = Z_OK;
    gzerror(file_.get(), &code);
    cut_off_ = code == Z_BUF_ERROR;  // zlib's word for a compressed stream without its end
    return done;
  }

  /// After the last element: reads to the end, which is where gzip's checksum stands.
  void check_end() {
    std::uint8_t extra = 0;
    if (read(&extra, 1) != 0) throw FileError(path_, ": goes on after its last element. Is it the right file?");
    if (cut_off_) throw FileError(path_, ": is cut off: the compressed data has no end. Copy or download it again.");
  }

 private:
  std::string reason() {
    int code = Z_OK;
    const char* text = gzerror(file_.get(), &code);
    return code == Z_ERRNO ? std::strerror(errno) : text;
  }

  std::string path_;
  std::unique_ptr<gzFile_s, CloseGz> file_;
  bool cut_off_ = false;
};

/// Reads `total` bytes, or those that there are. Memory grows with what the file has, not with what its header
/// announces.
std::vector<std::uint8_t> read_elements(Source& source, std::size_t total) {
  constexpr std::size_t kStep = std::size_t{64} << 20;
  std::vector<std::uint8_t> values;
  while (values.size() < total) {
    const std::size_t before = values.size(), more = std::min(total - before, std::max(kStep, before));
    values.resize(before + more);
    const std::size_t got = source.read(values.data() + before, more);
    if (got == more) continue;
    values.resize(before + got);
    break;
  }
  return values;
}

std::int64_t big_endian(const std::uint8_t* bytes) {
  return std::int64_t{bytes[0]} << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

std::string hexadecimal(std::int64_t value) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "0x%08x", static_cast<unsigned>(value));
  return text.data();
}

}  // namespace

IdxFile read_idx(const std::string& path, int axes) {
  Source source(path);
  std::array<std::uint8_t, 4> word{};
  if (source.read(word.data(), word.size()) < word.size()) {
    throw FileError(path, ": is too short for an IDX file: even its magic number is cut off.");
  }
  const std::int64_t expected = kBytesType << 8 | axes;
  if (big_endian(word.data()) != expected) {
    throw FileError(path, ": wrong magic number: expected ", hexadecimal(expected), " (IDX, bytes, ", axes,
                    axes == 1 ? " axis" : " axes", "), found ", hexadecimal(big_endian(word.data())),
                    ". Is it the right file? Images have 3 axes, labels 1.");
  }
  IdxFile idx;
  std::int64_t total = 1;
  for (int i = 0; i < axes; ++i) {
    if (source.read(word.data(), word.size()) < word.size()) throw FileError(path, ": is cut off inside its header.");
    idx.shape.push_back(big_endian(word.data()));
    const std::int64_t size = idx.shape.back();
    if (size == 0 || total > kMaxBytes / size) {
      throw FileError(path, ": axis ", i, " has size ", size, ", which cannot be right. The file is damaged.");
    }
    total *= size;
  }
  idx.values = read_elements(source, static_cast<std::size_t>(total));
  if (idx.values.size() < static_cast<std::size_t>(total)) {
    throw FileError(path, ": is cut off: its header announces ", total, " bytes of elements, found ", idx.values.size(),
                    ". Copy or download it again.");
  }
  source.check_end();
  return idx;
}

}  // namespace rensa
