#include "comm/work.h"

#include <algorithm>
#include <optional>
#include <thread>

#include "core/error.h"

namespace rensa {
namespace {

/// As a duration that the clock's own integers can hold, which end after 292 years.
std::chrono::duration<double> seconds(double s) { return std::chrono::duration<double>(std::min(s, 1e9)); }

}  // namespace

void Work::wait() const {
  if (limit_s_ > 0 && !test()) {
    std::optional<CallLog::Scope> waits;
    if (log_) waits.emplace(*log_, call_);
    if (done_.wait_for(seconds(limit_s_)) != std::future_status::ready)
      throw CommError(what_, " is not done after ", limit_s_, " s of waiting. A longer limit: comm_timeout.");
  }
  if (done_.valid()) done_.get();
  if (happened_) happened_->wait_on(gpu::current_stream(device_));
}

bool Work::wait_for(std::chrono::duration<double> limit) const {
  constexpr std::chrono::microseconds kNap(100);
  limit = seconds(limit.count());
  const auto end = std::chrono::steady_clock::now() + limit;
  if (done_.valid() && done_.wait_for(limit) != std::future_status::ready) return false;
  while (happened_ && !happened_->has_happened()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(kNap);
  }
  return true;
}

}  // namespace rensa
