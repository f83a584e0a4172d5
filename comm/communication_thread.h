#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>

#include "comm/work.h"

namespace rensa {

class Communicator;

/// A thread that makes calls on a communicator of its own, one after another in the order they were given. MPI makes no
/// progress by itself: calls travel while others compute only if some thread is inside them.
class CommunicationThread {
 public:
  using Task = std::function<void(Communicator&)>;

  explicit CommunicationThread(std::unique_ptr<Communicator> comm);
  /// Waits for the calls given so far.
  ~CommunicationThread();
  CommunicationThread(const CommunicationThread&) = delete;
  CommunicationThread& operator=(const CommunicationThread&) = delete;

  /// Every rank gives the same calls in the same order.
  Work start(Task task);
  /// For use while no call is under way.
  Communicator& communicator() { return *comm_; }

 private:
  void run();

  std::unique_ptr<Communicator> comm_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::packaged_task<void()>> queue_;
  bool stopping_ = false;
  std::jthread thread_;
};

}  // namespace rensa
