#include "core/cache_folder.h"

#include <cstdlib>

namespace rensa {

std::optional<std::filesystem::path> cache_folder() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::filesystem::path(value ? value : "");
  };
  const std::filesystem::path own = variable("RENSA_CACHE"), cache = variable("XDG_CACHE_HOME"),
                              home = variable("HOME");
  if (own == "off") return std::nullopt;
  if (!own.empty()) return own;
  if (!cache.empty()) return cache / "rensa";
  if (!home.empty()) return home / ".cache" / "rensa";
  return std::nullopt;
}

}  // namespace rensa
