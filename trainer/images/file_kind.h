#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rensa::images {

/// What the first bytes of a file say it is: "a JPEG", "a PNG" …, "an empty file", or "of an unknown kind".
/// Names of files lie: web collections are full of PNG and HTML files called .jpg.
std::string_view file_kind(std::span<const std::uint8_t> bytes);

bool is_jpeg(std::span<const std::uint8_t> bytes);  ///< whether they begin as a JPEG does

/// Whether it is jpg or jpeg, in capitals or not.
bool is_jpeg_extension(std::string_view extension);
/// Whether the name ends in a dot and such an extension.
bool named_like_a_jpeg(const std::filesystem::path& path);
/// The files below a folder, at whatever depth, that are named so, sorted. Symbolic links are followed. Throws
/// FileError if links lead in a circle or a folder cannot be read.
std::vector<std::string> list_jpegs(const std::filesystem::path& folder);

}  // namespace rensa::images
