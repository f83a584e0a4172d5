#include "tools/doctor/answer_limit.h"

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <sstream>

#include "tools/doctor/check.h"
#include "tools/doctor/report.h"

namespace rensa::tools::doctor {

AnswerLimit::AnswerLimit(double limit_s, const RankFacts& facts) {
  thread_ = std::thread([this, limit_s, facts] {
    std::unique_lock lock(mutex_);
    if (done_changed_.wait_for(lock, std::chrono::duration<double>(limit_s), [this] { return done_; })) return;
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
