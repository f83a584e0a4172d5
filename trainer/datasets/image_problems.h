#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <string>

namespace rensa {

/// What went wrong with one file of an image folder.
struct ImageProblem {
  std::int64_t index = 0;  ///< of the sample
  std::string file, reason;
  bool bad = false;       ///< true: cannot be read; false: read, with a decoder's warning
  bool left_out = false;  ///< of a bad one; false: another picture takes its place
};

/// Counts the files of one dataset that cannot be read or were read with warnings, each once. Thread safe.
class ImageProblems {
 public:
  using Report = std::function<void(const ImageProblem&)>;  ///< is told of a problem, on the thread that met it

  /// `report` is called once for each file, by the thread that met it, one call at a time.
  ImageProblems(std::int64_t max_bad, Report report) : max_bad_(max_bad), report_(std::move(report)) {}

  /// Throws FileError if more than max_bad files are bad.
  void add(const ImageProblem& problem);

  std::int64_t bad() const;     ///< files that could not be read
  std::int64_t warned() const;  ///< files that were read with warnings

 private:
  const std::int64_t max_bad_;
  const Report report_;
  mutable std::mutex mutex_;
  std::set<std::int64_t> bad_, warned_;
};

}  // namespace rensa
