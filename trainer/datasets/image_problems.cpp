#include "trainer/datasets/image_problems.h"

#include "core/error.h"

namespace rensa {

void ImageProblems::add(const ImageProblem& problem) {
  const std::lock_guard lock(mutex_);
  std::set<std::int64_t>& seen = problem.bad ? bad_ : warned_;
  if (!seen.insert(problem.index).second) return;
  if (report_) report_(problem);
  if (problem.bad && static_cast<std::int64_t>(bad_.size()) > max_bad_) {
    throw FileError(bad_.size(), " pictures cannot be read, more than max_bad_images = ", max_bad_,
                    " allows. The last: ", problem.file, ": ", problem.reason,
                    ". Repair or remove them, or raise max_bad_images.");
  }
}

std::int64_t ImageProblems::bad() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::int64_t>(bad_.size());
}

std::int64_t ImageProblems::warned() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::int64_t>(warned_.size());
}

}  // namespace rensa
