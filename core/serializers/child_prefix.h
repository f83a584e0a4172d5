#pragma once

#include <string>
#include <string_view>

namespace rensa {

/// What the keys of a child begin with. Chainer's rule: the child's name is stripped of slashes.
inline std::string child_prefix(const std::string& prefix, std::string_view name) {
  while (name.starts_with('/')) name.remove_prefix(1);
  while (name.ends_with('/')) name.remove_suffix(1);
  return prefix + std::string(name) + "/";
}

}  // namespace rensa
