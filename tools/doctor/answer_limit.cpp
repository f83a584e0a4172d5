#include "tools/doctor/answer_limit.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <sstream>

#include "tools/doctor/check.h"
#include "tools/doctor/report.h"

namespace rensa::tools::doctor {

namespace {

/// A year, in which the clock's nanoseconds still fit into a word.
constexpr double kLongestWait_s = 365 * 24 * 3600.0;

}  // namespace

AnswerLimit::AnswerLimit(double limit_s, const RankFacts& facts) {
  thread_ = std::thread([this, limit_s, facts] {
    std::unique_lock lock(mutex_);
    const std::chrono::duration<double> wait(std::min(limit_s, kLongestWait_s));
    if (done_changed_.wait_for(lock, wait, [this] { return done_; })) return;
    std::ostringstream text;  // written at once: every rank speaks
    write_text(text, {facts}, {check_unanswered(facts, limit_s, what_)});
    std::cerr << text.str() << std::flush;
    std::_Exit(static_cast<int>(Severity::kError));
  });
}

AnswerLimit::~AnswerLimit() {
  {
    const std::scoped_lock lock(mutex_);
    done_ = true;
  }
  done_changed_.notify_one();
  thread_.join();
}

void AnswerLimit::waits_for(const std::string& what) {
  const std::scoped_lock lock(mutex_);
  what_ = what;
}

}  // namespace rensa::tools::doctor
