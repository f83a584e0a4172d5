#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "comm/calls/call_log.h"
#include "core/device/gpu/stream.h"

namespace rensa {

/// A call of a communicator that goes on while its caller does other things. Copies speak of the same call. The arrays
/// of the call are neither read nor written by the caller until it is done. wait() is for the thread that makes the
/// communicator's calls.
class Work {
 public:
  Work() = default;  ///< no call: done
  explicit Work(std::shared_future<void> done) : done_(std::move(done)) {}
  /// The same with a limit on how long wait() waits; `what` names the call and its rank.
  Work(std::shared_future<void> done, double limit_s, std::string what)
      : done_(std::move(done)), limit_s_(limit_s), what_(std::move(what)) {}
  /// A call on a GPU: `put` once the call is in its stream, behind which `happened` is recorded then.
  Work(std::shared_future<void> put, std::shared_ptr<const gpu::Event> happened, Device device)
      : done_(std::move(put)), happened_(std::move(happened)), device_(device) {}

  /// Returns when the call is done; throws what it threw. On a GPU: when it is certain to be done before whatever the
  /// calling thread puts into its current stream from now on. The host does not wait for the device. Throws CommError
  /// where the communicator's limit (comm_timeout) is over first; the call goes on then, and so does its use of the
  /// arrays.
  void wait() const;
  /// Waits at most so long; true if the call is done (wait() then tells how it ended).
  bool wait_for(std::chrono::duration<double> limit) const;
  /// True if the call is done.
  bool test() const { return wait_for(std::chrono::duration<double>(0)); }

  /// From now on wait() is a call of that log while it waits: who watches the log sees what this rank is waiting for.
  void log_waits(std::shared_ptr<CallLog> log, const Call& call) {
    log_ = std::move(log);
    call_ = call;
  }

 private:
  std::shared_future<void> done_;
  std::shared_ptr<const gpu::Event> happened_;  ///< null: not on a GPU
  Device device_;
  double limit_s_ = 0;  ///< 0: whoever makes the call looks after its limit
  std::string what_;
  std::shared_ptr<CallLog> log_;
  Call call_;
};

}  // namespace rensa
