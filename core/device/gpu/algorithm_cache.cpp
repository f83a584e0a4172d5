#include "core/device/gpu/algorithm_cache.h"

#include <nlohmann/json.hpp>

#include "core/cache_file.h"

namespace rensa::gpu {

AlgorithmCache::AlgorithmCache(std::filesystem::path file) : file_(std::move(file)), choices_(read()) {}

AlgorithmCache::Choices AlgorithmCache::read() const {
  Choices found;
  if (file_.empty()) return found;
  const nlohmann::json content = read_cache_file(file_);
  for (const auto& [key, value] : content.items()) {
    if (!value.is_array() || value.size() != 3) continue;
    if (!value[0].is_number_integer() || !value[1].is_number_integer() || !value[2].is_number_unsigned()) continue;
    found[key] = {value[0].get<int>(), value[1].get<int>(), value[2].get<std::size_t>()};
  }
  return found;
}

std::optional<AlgorithmChoice> AlgorithmCache::find(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = choices_.find(key);
  return found == choices_.end() ? std::nullopt : std::optional(found->second);
}

void AlgorithmCache::store(const std::string& key, const AlgorithmChoice& choice) {
  const std::lock_guard lock(mutex_);
  choices_[key] = choice;
  if (file_.empty()) return;
  Choices all = read();  // what other processes have added meanwhile
  for (const auto& [name, own] : choices_) all[name] = own;
  nlohmann::json content = nlohmann::json::object();
  for (const auto& [name, each] : all) content[name] = {each.algorithm, each.math, each.workspace_bytes};
  write_cache_file(file_, content);
}

}  // namespace rensa::gpu
