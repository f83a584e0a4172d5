#include "tools/train/picture_problems.h"

#include <spdlog/spdlog.h>

namespace rensa::tools {

ImageProblems::Report PictureProblems::report() {
  return [this](const ImageProblem& problem) {
    const char* const consequence = !problem.bad       ? ""
                                    : problem.left_out ? "; it is left out"
                                                       : "; another picture takes its place";
    spdlog::warn("rank {}: {}: {}{}", comm_.rank(), problem.file, problem.reason, consequence);
    const std::lock_guard lock(mutex_);
    (problem.bad ? bad_ : warned_).insert(problem.file);
  };
}

std::size_t PictureProblems::count_over_ranks(const std::set<std::string>& mine) {
  std::string names;
  for (const std::string& name : mine) names += name + '\0';
  std::set<std::string> all;  // ranks meet the same files in different epochs
  for (const std::string& theirs : comm_.all_gather_bytes(names)) {
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = theirs.find('\0', begin)) != std::string::npos; begin = end + 1) {
      all.insert(theirs.substr(begin, end - begin));
    }
  }
  return all.size();
}

void PictureProblems::log_totals() {
  std::unique_lock lock(mutex_);
  const std::set<std::string> bad_here = bad_, warned_here = warned_;
  lock.unlock();
  const std::size_t bad = count_over_ranks(bad_here), warned = count_over_ranks(warned_here);
  if (comm_.rank() == 0 && bad + warned > 0) {
    spdlog::warn("{} pictures could not be read and {} were read with warnings; each is named above", bad, warned);
  }
}

}  // namespace rensa::tools
