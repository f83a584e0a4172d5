#include "comm/gpu/nccl_monitor.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>

#include "comm/gpu/nccl_connection.h"

namespace rensa::nccl {
namespace {

constexpr std::chrono::milliseconds kInterval(10);

}  // namespace

std::shared_ptr<Monitor> Monitor::shared() {
  static std::mutex mutex;
  static std::weak_ptr<Monitor> known;
  const std::lock_guard lock(mutex);
  std::shared_ptr<Monitor> monitor = known.lock();
  if (!monitor) known = monitor = std::make_shared<Monitor>();
  return monitor;
}

Monitor::Monitor() : thread_([this] { run(); }) {}

Monitor::~Monitor() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Monitor::add(Connection* connection) {
  const std::lock_guard lock(mutex_);
  connections_.push_back(connection);
}

void Monitor::remove(Connection* connection) {
  const std::lock_guard lock(mutex_);
  std::erase(connections_, connection);
}

void Monitor::wake() {
  if (!idle_.exchange(false)) return;
  {
    const std::lock_guard lock(mutex_);
  }  // it waits by now, or has not looked yet
  changed_.notify_all();
}

void Monitor::run() {
  pthread_setname_np(pthread_self(), "rensa-nccl");
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    idle_ = true;  // before looking: what is launched from now on wakes
    bool busy = false;
    for (Connection* connection : connections_) busy = connection->look() || busy;
    if (busy) {
      idle_ = false;
      changed_.wait_for(lock, kInterval, [&] { return stopping_; });
    } else {
      changed_.wait(lock, [&] { return stopping_ || !idle_; });
    }
  }
}

}  // namespace rensa::nccl
