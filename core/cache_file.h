#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

namespace rensa {

/// The JSON object in a file of the cache folder (cache_folder.h); an empty object if the file is missing or no such.
nlohmann::json read_cache_file(const std::filesystem::path& file);

/// Replaces the file at once, since another job may be reading, and makes its folder. Where that cannot be done,
/// nothing is remembered; it is no error.
void write_cache_file(const std::filesystem::path& file, const nlohmann::json& content);

}  // namespace rensa
