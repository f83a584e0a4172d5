#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <vector>

namespace rensa {

/// A time in which the thread that trains did nothing but wait for other ranks.
struct Wait {
  using Clock = std::chrono::steady_clock;  ///< steady
  Clock::time_point begin, end;
  std::size_t bytes = 0;  ///< that this rank gave to the communicator for it; of buckets BucketTimes tells them
};

/// What one cause has let the thread that trains wait for so far: all of it added up, and the latest waits one by one.
class WaitLog {
 public:
  static constexpr std::size_t kLatest = 4096;  ///< waits that are kept; a step has two or so for each layer

  /// One more, later than those before.
  void add(const Wait& wait) {
    seconds_ += std::chrono::duration<double>(wait.end - wait.begin).count();
    bytes_ += wait.bytes;
    latest_.push_back(wait);
    if (latest_.size() > kLatest) latest_.pop_front();
  }
  double seconds() const { return seconds_; }                    ///< of all waits
  std::size_t bytes() const { return bytes_; }                   ///< of all waits
  std::vector<Wait> since(Wait::Clock::time_point time) const {  ///< those of the latest that began then or later
    const auto is_earlier = [](const Wait& wait, Wait::Clock::time_point begin) { return wait.begin < begin; };
    return {std::lower_bound(latest_.begin(), latest_.end(), time, is_earlier), latest_.end()};
  }

 private:
  double seconds_ = 0;
  std::size_t bytes_ = 0;
  std::deque<Wait> latest_;  ///< in the order of time
};

/// Logs the time of a scope as a wait.
class LoggedWait {
 public:
  explicit LoggedWait(WaitLog& log, std::size_t bytes = 0) : log_(log), wait_{Wait::Clock::now(), {}, bytes} {}
  ~LoggedWait() {
    wait_.end = Wait::Clock::now();
    log_.add(wait_);
  }
  LoggedWait(const LoggedWait&) = delete;
  LoggedWait& operator=(const LoggedWait&) = delete;

 private:
  WaitLog& log_;
  Wait wait_;
};

}  // namespace rensa
