#include "core/device/gpu/notes.h"

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

namespace rensa::gpu {
namespace {

std::mutex mutex;
std::vector<std::string> said;
std::function<void(const std::string&)> told;

}  // namespace

void note(const std::string& sentence) {
  const std::lock_guard lock(mutex);
  if (std::find(said.begin(), said.end(), sentence) != said.end()) return;
  said.push_back(sentence);
  if (told) told(sentence);
}

void on_note(std::function<void(const std::string&)> listener) {
  const std::lock_guard lock(mutex);
  told = std::move(listener);
  for (const std::string& sentence : said) {
    if (told) told(sentence);
  }
}

}  // namespace rensa::gpu
