#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

namespace rensa::images {

/// What the first bytes of a file say it is: "a JPEG", "a PNG" …, "an empty file", or "of an unknown kind".
/// Names of files lie: web collections are full of PNG and HTML files called .jpg.
std::string_view file_kind(std::span<const std::uint8_t> bytes);

bool is_jpeg(std::span<const std::uint8_t> bytes);  ///< whether they begin as a JPEG does

/// Whether it is jpg or jpeg, in capitals or not.
bool is_jpeg_extension(std::string_view extension);
/// Whether the name ends in a dot and such an extension.
bool named_like_a_jpeg(const std::filesystem::path& path);

}  // namespace rensa::images
