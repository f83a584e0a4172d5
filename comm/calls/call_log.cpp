#include "comm/calls/call_log.h"

#include <ctime>

namespace rensa {
namespace {

/// Good to some milliseconds, for a fifth of the price of Clock::now(): limits are seconds.
CallLog::Clock::time_point about_now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return CallLog::Clock::time_point(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

}  // namespace

void CallLog::begin(const Call& call) {
  const auto now = about_now();
  const std::lock_guard lock(mutex_);
  running_.store(true, std::memory_order_relaxed);
  since_.store(now, std::memory_order_relaxed);
  state_.last = call;
  if (!call.collective) return;
  state_.digest = (state_.digest + fingerprint(call)) * 0x9e3779b97f4a7c15;
  const std::uint64_t number = ++state_.number;
  kept_[number % kKept] = {call, state_.digest};
  for (std::size_t i = 0; i < kStrides.size() && number % kStrides[i] == 0; ++i) {
    state_.marks[2 * i + 1] = state_.marks[2 * i];
    state_.marks[2 * i] = {number, state_.digest};
  }
}

void CallLog::end() {
  since_.store(about_now(), std::memory_order_relaxed);
  running_.store(false, std::memory_order_release);
}

void CallLog::unqueue() {
  since_.store(about_now(), std::memory_order_relaxed);
  queued_.fetch_sub(1, std::memory_order_release);
}

CallLog::State CallLog::state() const {
  const std::lock_guard lock(mutex_);
  State state = state_;
  state.running = running_.load(std::memory_order_acquire) || queued_.load(std::memory_order_acquire) > 0;
  state.since = since_.load(std::memory_order_relaxed);
  return state;
}

CallLog::Kept CallLog::kept(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  if (number == 0 || number > state_.number || number + kKept <= state_.number) return {};
  return kept_[number % kKept];
}

}  // namespace rensa
