#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "tools/doctor/facts.h"

namespace rensa::tools::doctor {

/// Ends the process with status 2 if it outlives `limit_s`, after a report on standard error of what it waited for and
/// which networks this host has (check_unanswered): MPI that looks for a peer in the wrong network does not return.
class AnswerLimit {
 public:
  AnswerLimit(double limit_s, const RankFacts& facts);
  ~AnswerLimit();

  void waits_for(const std::string& what);

 private:
  std::string what_ = "MPI to start";
  std::mutex mutex_;
  std::condition_variable done_changed_;
  bool done_ = false;
  std::thread thread_;
};

}  // namespace rensa::tools::doctor
