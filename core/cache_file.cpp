#include "core/cache_file.h"

#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace rensa {

nlohmann::json read_cache_file(const std::filesystem::path& file) {
  std::ifstream in(file);
  nlohmann::json content = nlohmann::json::parse(in, nullptr, /*allow_exceptions=*/false);
  return content.is_object() ? content : nlohmann::json::object();
}

void write_cache_file(const std::filesystem::path& file, const nlohmann::json& content) {
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  const std::filesystem::path aside = file.string() + "." + std::to_string(getpid());
  std::ofstream out(aside);
  out << content.dump(1) << '\n';
  out.close();
  if (out) std::filesystem::rename(aside, file, error);
  if (!out || error) std::filesystem::remove(aside, error);
}

}  // namespace rensa
