#include "comm/communication_thread.h"

#include <omp.h>

#include <utility>

#include "comm/communicators/communicator.h"
#include "comm/short_slices.h"

namespace rensa {

CommunicationThread::CommunicationThread(std::unique_ptr<Communicator> comm)
    : comm_(std::move(comm)), thread_([this] { run(); }) {}

CommunicationThread::~CommunicationThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
}

Work CommunicationThread::start(Task task) {
  std::packaged_task<void()> call([this, task = std::move(task)] { task(*comm_); });
  Work work(call.get_future().share());
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(call));
  }
  changed_.notify_one();
  return work;
}

void CommunicationThread::run() {
  ask_for_short_slices();
  omp_set_num_threads(1);  // of this thread only: the cores belong to the compute threads
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    std::packaged_task<void()> call = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    call();
    call = {};  // lets go of the arrays outside the lock
    lock.lock();
  }
}

}  // namespace rensa
