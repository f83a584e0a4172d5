#pragma once

#include <chrono>
#include <future>

namespace rensa {

/// A call of a communicator that goes on while its caller does other things. Copies speak of the same call. The arrays
/// of the call are neither read nor written by the caller until it is done.
class Work {
 public:
  Work() = default;  ///< no call: done
  explicit Work(std::shared_future<void> done) : done_(std::move(done)) {}

  /// Returns when the call is done; throws what it threw.
  void wait() const {
    if (done_.valid()) done_.get();
  }
  /// Waits at most so long; true if the call is done (wait() then tells how it ended).
  bool wait_for(std::chrono::duration<double> limit) const {
    return !done_.valid() || done_.wait_for(limit) == std::future_status::ready;
  }
  /// True if the call is done.
  bool test() const { return wait_for(std::chrono::duration<double>(0)); }

 private:
  std::shared_future<void> done_;
};

}  // namespace rensa
