#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "comm/work.h"
#include "core/device/gpu/stream.h"

namespace rensa {

class Array;
class Communicator;

/// A thread that makes calls on a communicator of its own, one after another in the order they were given. MPI makes no
/// progress by itself: calls travel while others compute only if some thread is inside them.
///
/// Calls for a GPU go into a stream of its own, of high priority, behind what was in the caller's current stream. Those
/// that only enqueue (NCCL's) are made by the caller's thread itself: every rank then launches in the order of its
/// program, also where other communicators launch beside this one. The thread starts with the first call that needs it.
class CommunicationThread {
 public:
  using Task = std::function<void(Communicator&)>;  ///< runs on the thread, with its own communicator

  explicit CommunicationThread(std::unique_ptr<Communicator> comm);
  /// Waits for the calls given so far.
  ~CommunicationThread();
  CommunicationThread(const CommunicationThread&) = delete;
  CommunicationThread& operator=(const CommunicationThread&) = delete;

  /// Every rank gives the same calls in the same order. `device` is where the call's arrays lie.
  Work start(Task task, Device device = {});
  /// Communicator::register_memory, when the calls given so far are done.
  std::shared_ptr<void> register_memory(const Array& data);
  /// For use while no call is under way.
  Communicator& communicator() { return *comm_; }

 private:
  struct Call {
    std::function<void()> run;
    std::promise<void> done = {};
  };
  /// A call that is in the stream, with what it refers to.
  struct Launched {
    std::shared_ptr<const gpu::Event> happened;
    Task task;
  };

  Work start_on_gpu(Task task, Device device);
  /// False if it threw, which `done` tells.
  static bool make(Call& call);
  void put(Call call);
  void keep(Launched launched);
  void wait_until_idle();
  void run();

  std::unique_ptr<Communicator> comm_;
  std::optional<gpu::OwnedStream> stream_;  ///< from the first call for a GPU
  bool only_enqueues_ = false;              ///< calls for the GPU do
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Call> queue_;
  std::deque<Launched> launched_;           ///< that may not have happened yet
  std::vector<std::promise<void>> failed_;  ///< of calls, for the reason that started_messages.h gives
  bool stopping_ = false, busy_ = false;
  std::jthread thread_;
};

}  // namespace rensa
