#include "comm/communicators/auto_choice.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/cache_file.h"
#include "core/cache_folder.h"

namespace rensa {
namespace {

constexpr std::size_t kNoEnd = std::numeric_limits<std::size_t>::max();
constexpr std::string_view kUpTo = " up to ";
constexpr std::size_t kMostDigits = 18;  ///< of a size in bytes; kNoEnd has more

std::optional<std::filesystem::path> cache_file() {
  const auto folder = cache_folder();
  return folder ? std::optional(*folder / "communicators.json") : std::nullopt;
}

}  // namespace

AutoChoice::AutoChoice(std::vector<Range> ranges) {
  for (Range& range : ranges) {
    if (!ranges_.empty() && ranges_.back().name == range.name) ranges_.pop_back();
    ranges_.push_back(std::move(range));
  }
  ranges_.back().up_to_bytes = kNoEnd;
}

std::optional<AutoChoice> AutoChoice::parse(const std::string& text) {
  const auto is_name = [](std::string_view part) {
    return !part.empty() &&
           std::all_of(part.begin(), part.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
  };
  std::vector<Range> ranges;
  std::string_view rest = text;
  for (std::size_t comma = rest.find(", "); comma != rest.npos; comma = rest.find(", ")) {
    const std::string_view range = rest.substr(0, comma);
    const std::size_t words = range.find(kUpTo);
    if (words == range.npos || !is_name(range.substr(0, words))) return std::nullopt;
    const std::string_view number = range.substr(words + kUpTo.size());
    if (number.size() > kMostDigits) return std::nullopt;
    std::size_t bytes = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), bytes);
    if (error != std::errc() || end != number.data() + number.size()) return std::nullopt;
    ranges.push_back({bytes, std::string(range.substr(0, words))});
    rest.remove_prefix(comma + 2);
  }
  if (!is_name(rest)) return std::nullopt;
  ranges.push_back({kNoEnd, std::string(rest)});
  return AutoChoice(std::move(ranges));
}

const std::string& AutoChoice::name_for(std::size_t bytes) const {
  std::size_t i = 0;
  while (bytes > ranges_[i].up_to_bytes) ++i;
  return ranges_[i].name;
}

std::string AutoChoice::text() const {
  std::string text;
  for (const Range& range : ranges_) {
    text += range.name;
    if (range.up_to_bytes != kNoEnd) text += std::string(kUpTo) + std::to_string(range.up_to_bytes) + ", ";
  }
  return text;
}

std::optional<AutoChoice> remembered_choice(const std::string& cluster) {
  const auto file = cache_file();
  if (!file) return std::nullopt;
  const nlohmann::json content = read_cache_file(*file);
  const auto found = content.find(cluster);
  if (found == content.end() || !found->is_string()) return std::nullopt;
  return AutoChoice::parse(found->get<std::string>());
}

void remember_choice(const std::string& cluster, const AutoChoice& choice) {
  const auto file = cache_file();
  if (!file) return;
  nlohmann::json content = read_cache_file(*file);
  content[cluster] = choice.text();
  write_cache_file(*file, content);
}

}  // namespace rensa
