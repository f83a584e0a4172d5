#pragma once

#include <chrono>
#include <future>
#include <memory>

#include "core/device/gpu/stream.h"

namespace rensa {

/// A call of a communicator that goes on while its caller does other things. Copies speak of the same call. The arrays
/// of the call are neither read nor written by the caller until it is done.
class Work {
 public:
  Work() = default;  ///< no call: done
  explicit Work(std::shared_future<void> done) : done_(std::move(done)) {}
  /// The same on a GPU: `put` once the call is in its stream, behind which `happened` is recorded then.
  Work(std::shared_future<void> put, std::shared_ptr<const gpu::Event> happened, Device device)
      : done_(std::move(put)), happened_(std::move(happened)), device_(device) {}

  /// Returns when the call is done; throws what it threw. On a GPU: when it is certain to be done before whatever the
  /// calling thread puts into its current stream from now on. The host does not wait for the device.
  void wait() const {
    if (done_.valid()) done_.get();
    if (happened_) happened_->wait_on(gpu::current_stream(device_));
  }
  /// Waits at most so long; true if the call is done (wait() then tells how it ended).
  bool wait_for(std::chrono::duration<double> limit) const;
  /// True if the call is done.
  bool test() const { return wait_for(std::chrono::duration<double>(0)); }

 private:
  std::shared_future<void> done_;
  std::shared_ptr<const gpu::Event> happened_;  ///< null: not on a GPU
  Device device_;
};

}  // namespace rensa
