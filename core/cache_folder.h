#pragma once

#include <filesystem>
#include <optional>

namespace rensa {

/// Where what was measured on this machine is kept: $RENSA_CACHE, or rensa/ in $XDG_CACHE_HOME or ~/.cache. Nothing if
/// RENSA_CACHE=off, or if none of these is set.
std::optional<std::filesystem::path> cache_folder();

}  // namespace rensa
