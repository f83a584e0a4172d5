#include "comm/calls/call_log.h"

namespace rensa {
namespace {

/// A step of a multiplicative hash: enough to tell whether two ranks made different calls.
std::uint64_t extend(std::uint64_t digest, std::uint64_t value) {
  digest = (digest ^ value) * 0x9e3779b97f4a7c15;
  return digest ^ (digest >> 29);
}

std::uint64_t extend(std::uint64_t digest, const Call& call) {
  for (const char letter : call.name) {
    if (letter == 0) break;
    digest = extend(digest, static_cast<unsigned char>(letter));
  }
  digest = extend(digest, static_cast<std::uint64_t>(call.count));
  return extend(digest, static_cast<std::uint64_t>(call.dtype) + (static_cast<std::uint64_t>(call.root + 1) << 8));
}

}  // namespace

void CallLog::begin(const Call& call) {
  const auto now = Clock::now();
  const std::lock_guard lock(mutex_);
  state_.running = true;
  state_.since = now;
  state_.last = call;
  if (!call.collective) return;
  state_.digest = extend(state_.digest, call);
  const std::uint64_t number = ++state_.number;
  kept_[number % kKept] = {call, state_.digest};
  for (std::size_t i = 0; i < kStrides.size() && number % kStrides[i] == 0; ++i) {
    state_.marks[2 * i + 1] = state_.marks[2 * i];
    state_.marks[2 * i] = {number, state_.digest};
  }
}

void CallLog::end() {
  const auto now = Clock::now();
  const std::lock_guard lock(mutex_);
  state_.running = false;
  state_.since = now;
}

CallLog::State CallLog::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

CallLog::Kept CallLog::kept(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  if (number == 0 || number > state_.number || number + kKept <= state_.number) return {};
  return kept_[number % kKept];
}

}  // namespace rensa
