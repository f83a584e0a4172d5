#include "comm/work.h"

#include <thread>

namespace rensa {

bool Work::wait_for(std::chrono::duration<double> limit) const {
  constexpr std::chrono::microseconds kNap(100);
  const auto end = std::chrono::steady_clock::now() + limit;
  if (done_.valid() && done_.wait_for(limit) != std::future_status::ready) return false;
  while (happened_ && !happened_->has_happened()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(kNap);
  }
  return true;
}

}  // namespace rensa
