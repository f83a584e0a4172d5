#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace rensa::testing {

/// The folder `name` of the data sets, $RENSA_DATA/name, or "" if it is not there: tests then skip and say so.
inline std::string data_folder(const std::string& name) {
  const char* root = std::getenv("RENSA_DATA");
  if (root == nullptr) return "";
  const std::filesystem::path folder = std::filesystem::path(root) / name;
  return std::filesystem::exists(folder) ? folder.string() : "";
}

}  // namespace rensa::testing
