#pragma once

#include <mutex>
#include <set>
#include <string>

#include "comm/communicators/communicator.h"
#include "trainer/datasets/image_problems.h"

namespace rensa::tools {

/// Names each picture that cannot be read, or was read with warnings, once in the log, and counts them over all ranks.
class PictureProblems {
 public:
  explicit PictureProblems(Communicator& comm) : comm_(comm) {}

  /// For ImageFolderOptions::on_problem, of any number of folders.
  ImageProblems::Report report();
  /// A line with the numbers of different files, if there are any. A call on all ranks together.
  void log_totals();

 private:
  std::size_t count_over_ranks(const std::set<std::string>& mine);

  Communicator& comm_;
  std::mutex mutex_;  ///< loader threads of two folders may report at the same time
  std::set<std::string> bad_, warned_;
};

}  // namespace rensa::tools
