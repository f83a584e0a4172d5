#include "comm/shm/thread_group.h"

#include <chrono>
#include <string_view>
#include <thread>

#include "core/error.h"

namespace rensa::shm {

void JobState::fail(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  if (failed_) return;
  reason_ = reason;
  failed_ = true;
}

void JobState::check() const {
  if (!failed_) return;
  const std::lock_guard lock(mutex_);
  throw CommError("another rank failed: ", reason_);
}

ThreadGroup::ThreadGroup(int size, std::shared_ptr<JobState> job)
    : job_(std::move(job)), posted_(static_cast<std::size_t>(size)) {}

template <class Ready>
void ThreadGroup::wait(std::unique_lock<std::mutex>& lock, const Ready& ready) {
  while (!changed_.wait_for(lock, std::chrono::milliseconds(20), ready)) job_->check();
}

void ThreadGroup::barrier() {
  job_->check();
  std::unique_lock lock(mutex_);
  const std::uint64_t round = round_;
  if (++arrived_ == size()) {
    arrived_ = 0;
    ++round_;
    lock.unlock();
    changed_.notify_all();
    return;
  }
  lock.unlock();
  // Ranks usually arrive together: look a few times before sleeping, and give the core away in between.
  for (int i = 0; i < 50; ++i) {
    if (round_ != round) return;
    std::this_thread::yield();
  }
  lock.lock();
  wait(lock, [&] { return round_ != round; });
}

void ThreadGroup::meet(int rank, const Posted& posted) {
  posted_[static_cast<std::size_t>(rank)] = posted;
  barrier();
  for (int other = 0; other < size(); ++other) {
    const Posted& theirs = posted_[static_cast<std::size_t>(other)];
    if (std::string_view(theirs.call) == posted.call && theirs.count == posted.count && theirs.dtype == posted.dtype) {
      continue;
    }
    throw CommError("rank ", rank, " called ", posted.call, " with ", posted.count, " elements of ", posted.dtype,
                    ", rank ", other, " called ", theirs.call, " with ", theirs.count, " of ", theirs.dtype,
                    ". Every rank must make the same calls in the same order.");
  }
}

void ThreadGroup::put(const Address& address, std::vector<std::byte> message) {
  job_->check();
  {
    const std::lock_guard lock(mutex_);
    mail_[address].push_back(std::move(message));
  }
  changed_.notify_all();
}

std::vector<std::byte> ThreadGroup::take(const Address& address) {
  std::unique_lock lock(mutex_);
  wait(lock, [&] { return !mail_[address].empty(); });
  std::vector<std::byte> message = std::move(mail_[address].front());
  mail_[address].pop_front();
  return message;
}

std::shared_ptr<ThreadGroup> ThreadGroup::subgroup(int color, int size) {
  const std::lock_guard lock(mutex_);
  auto& group = subgroups_[color];
  if (!group) group = std::make_shared<ThreadGroup>(size, job_);
  return group;
}

void ThreadGroup::forget_subgroups() {
  const std::lock_guard lock(mutex_);
  subgroups_.clear();
}

}  // namespace rensa::shm
