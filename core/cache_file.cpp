#include "core/cache_file.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/serializers/file_replacement.h"

namespace rensa {

nlohmann::json read_cache_file(const std::filesystem::path& file) {
  std::ifstream in(file);
  nlohmann::json content = nlohmann::json::parse(in, nullptr, /*allow_exceptions=*/false);
  return content.is_object() ? content : nlohmann::json::object();
}

void write_cache_file(const std::filesystem::path& file, const nlohmann::json& content) {
  std::error_code ignored;
  std::filesystem::create_directories(file.parent_path(), ignored);
  FileReplacement replacement(file.string());
  std::ofstream out(replacement.path());
  out << content.dump(1) << '\n';
  out.close();
  if (!out) return;
  try {
    replacement.commit();
  } catch (const FileError&) {  // it is not remembered
  }
}

}  // namespace rensa
