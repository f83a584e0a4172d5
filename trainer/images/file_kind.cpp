#include "trainer/images/file_kind.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "core/error.h"

namespace rensa::images {
namespace {

struct Magic {
  std::size_t at;
  std::string_view bytes, kind;
};

using namespace std::literals;
constexpr Magic kMagics[] = {
    {0, "\xff\xd8\xff"sv, "a JPEG"sv},
    {0, "\x89PNG\r\n\x1a\n"sv, "a PNG"sv},
    {0, "GIF8"sv, "a GIF"sv},
    {8, "WEBP"sv, "a WebP"sv},
    {0, "II*\0"sv, "a TIFF"sv},
    {0, "MM\0*"sv, "a TIFF"sv},
    {4, "ftypavif"sv, "an AVIF"sv},
    {4, "ftyp"sv, "a HEIC or video file"sv},
    {0, "BM"sv, "a BMP"sv},
    {0, "\0\0\0\x0cjP  "sv, "a JPEG 2000"sv},
    {0, "\x1f\x8b"sv, "a gzip file"sv},
    {0, "PK\x03\x04"sv, "a zip file"sv},
    {0, "%PDF"sv, "a PDF"sv},
    {0, "<"sv, "an HTML or XML text"sv},
};

bool matches(std::span<const std::uint8_t> bytes, const Magic& magic) {
  if (bytes.size() < magic.at + magic.bytes.size()) return false;
  return std::equal(magic.bytes.begin(), magic.bytes.end(), bytes.begin() + static_cast<std::ptrdiff_t>(magic.at),
                    [](char want, std::uint8_t found) { return static_cast<std::uint8_t>(want) == found; });
}

}  // namespace

std::string_view file_kind(std::span<const std::uint8_t> bytes) {
  if (bytes.empty()) return "an empty file";
  const auto* found = std::ranges::find_if(kMagics, [&](const Magic& magic) { return matches(bytes, magic); });
  return found == std::end(kMagics) ? "of an unknown kind" : found->kind;
}

bool is_jpeg(std::span<const std::uint8_t> bytes) { return matches(bytes, kMagics[0]); }

bool is_jpeg_extension(std::string_view extension) {
  std::string lower(extension);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower == "jpg" || lower == "jpeg";
}

bool named_like_a_jpeg(const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  return !extension.empty() && is_jpeg_extension(std::string_view(extension).substr(1));
}

std::vector<std::string> list_jpegs(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  constexpr int kDeepest = 30;  // the system follows 40 links in one path
  std::vector<std::string> paths;
  try {
    const auto follow = fs::directory_options::follow_directory_symlink;
    for (fs::recursive_directory_iterator entry(folder, follow); entry != fs::end(entry); ++entry) {
      if (entry.depth() > kDeepest) {
        throw FileError(folder.string(), ": has folders ", kDeepest,
                        " levels deep. Links lead in a circle: ", entry->path().string(), ".");
      }
      if (entry->is_regular_file() && named_like_a_jpeg(entry->path())) paths.push_back(entry->path().string());
    }
  } catch (const fs::filesystem_error& error) {
    throw FileError(folder.string(), ": cannot be read through: ", error.code().message(), ".");
  }
  std::ranges::sort(paths);
  return paths;
}

}  // namespace rensa::images
