#include "comm/communication_thread.h"

#include <omp.h>

#include <utility>

#include "comm/communicators/communicator.h"
#include "comm/short_slices.h"
#include "core/error.h"

namespace rensa {

CommunicationThread::CommunicationThread(std::unique_ptr<Communicator> comm) : comm_(std::move(comm)) {}

CommunicationThread::~CommunicationThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  // their arrays are in use, unless the device is in a state where nothing happens any more
  for (const Launched& each : launched_) {
    try {
      each.happened->synchronize();
    } catch (const Error&) {
      break;
    }
  }
}

Work CommunicationThread::start(Task task, Device device) {
  if (device.kind != DeviceKind::kCpu) return start_on_gpu(std::move(task), device);
  Call call{.run = [this, task = std::move(task)] { task(*comm_); }};
  Work work(call.done.get_future().share());
  put(std::move(call));
  return work;
}

Work CommunicationThread::start_on_gpu(Task task, Device device) {
  if (!stream_) {
    wait_until_idle();
    only_enqueues_ = comm_->only_enqueues(device);
    stream_.emplace(device, /*high_priority=*/true);
  }
  const gpu::Stream stream = stream_->get();
  const auto ready = std::make_shared<gpu::Event>(device), happened = std::make_shared<gpu::Event>(device);
  ready->record(gpu::current_stream(device));
  Call call{.run = [this, stream, ready, happened, task = std::move(task)]() mutable {
    const gpu::StreamScope scope(stream);
    ready->wait_on(stream);
    task(*comm_);
    happened->record(stream);
    keep({happened, std::move(task)});
  }};
  Work work(call.done.get_future().share(), happened, device);
  if (only_enqueues_) {
    wait_until_idle();  // calls for arrays of the host, on the thread
    make(call);
  } else {
    put(std::move(call));
  }
  return work;
}

std::shared_ptr<void> CommunicationThread::register_memory(const Array& data) {
  wait_until_idle();
  return comm_->register_memory(data);
}

void CommunicationThread::keep(Launched launched) {
  const std::lock_guard lock(mutex_);
  while (!launched_.empty() && launched_.front().happened->has_happened()) launched_.pop_front();
  launched_.push_back(std::move(launched));
}

bool CommunicationThread::make(Call& call) {
  try {
    call.run();
  } catch (...) {
    call.done.set_exception(std::current_exception());
    return false;
  }
  call.done.set_value();
  return true;
}

void CommunicationThread::put(Call call) {
  const std::lock_guard lock(mutex_);
  queue_.push_back(std::move(call));
  if (!thread_.joinable()) thread_ = std::jthread([this] { run(); });
  changed_.notify_all();
}

void CommunicationThread::wait_until_idle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return queue_.empty() && !busy_; });
}

void CommunicationThread::run() {
  ask_for_short_slices();
  omp_set_num_threads(1);  // of this thread only: the cores belong to the compute threads
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    Call call = std::move(queue_.front());
    queue_.pop_front();
    busy_ = true;
    lock.unlock();
    const bool succeeded = make(call);
    call.run = nullptr;  // lets go of the arrays outside the lock
    lock.lock();
    if (!succeeded) failed_.push_back(std::move(call.done));
    busy_ = false;
    if (queue_.empty()) changed_.notify_all();
  }
}

}  // namespace rensa
