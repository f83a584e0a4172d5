#include "comm/communicators/auto_choice.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <regex>

#include "core/cache_folder.h"

namespace rensa {
namespace {

constexpr std::size_t kNoEnd = std::numeric_limits<std::size_t>::max();

std::optional<std::filesystem::path> cache_file() {
  const auto folder = cache_folder();
  return folder ? std::optional(*folder / "communicators.json") : std::nullopt;
}

nlohmann::json read(const std::filesystem::path& file) {
  std::ifstream in(file);
  nlohmann::json content = nlohmann::json::parse(in, nullptr, /*allow_exceptions=*/false);
  return content.is_object() ? content : nlohmann::json::object();
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
  static const std::regex kWhole(R"((\w+ up to \d{1,18}, )*\w+)"), kRange(R"((\w+) up to (\d+), )");
  if (!std::regex_match(text, kWhole)) return std::nullopt;
  std::vector<Range> ranges;
  for (std::sregex_iterator it(text.begin(), text.end(), kRange), end; it != end; ++it) {
    ranges.push_back({std::stoull((*it)[2]), (*it)[1]});
  }
  ranges.push_back({kNoEnd, text.substr(text.find_last_of(' ') + 1)});
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
    if (range.up_to_bytes != kNoEnd) text += " up to " + std::to_string(range.up_to_bytes) + ", ";
  }
  return text;
}

std::optional<AutoChoice> remembered_choice(const std::string& cluster) {
  const auto file = cache_file();
  if (!file) return std::nullopt;
  const nlohmann::json content = read(*file);
  const auto found = content.find(cluster);
  if (found == content.end() || !found->is_string()) return std::nullopt;
  return AutoChoice::parse(found->get<std::string>());
}

void remember_choice(const std::string& cluster, const AutoChoice& choice) {
  const auto file = cache_file();
  if (!file) return;
  std::error_code error;
  std::filesystem::create_directories(file->parent_path(), error);
  nlohmann::json content = read(*file);
  content[cluster] = choice.text();
  // written aside and renamed: another job may be reading
  const std::filesystem::path aside = file->string() + "." + std::to_string(getpid());
  std::ofstream out(aside);
  out << content.dump(2) << '\n';
  out.close();
  if (out) std::filesystem::rename(aside, *file, error);
  if (!out || error) std::filesystem::remove(aside, error);
}

}  // namespace rensa
