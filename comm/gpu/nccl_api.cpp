#include "comm/gpu/nccl_api.h"

#include <atomic>
#include <mutex>

#include "core/device/plugin.h"
#include "core/error.h"

namespace rensa::nccl {
namespace {

std::unique_ptr<Api> (*make_api)() = nullptr;
std::mutex mutex;
constinit std::atomic<Api*> current{nullptr};

/// Never destroyed: communicators may outlive main.
Api* start() {
  open_plugin("nccl");
  if (!make_api) throw DeviceError("nccl: the plug-in librensa_nccl brought no NCCL. Build it again.");
  return make_api().release();
}

}  // namespace

std::string version_text(int version) {
  const int unit = version < 10000 ? 1000 : 10000;  // as NCCL_VERSION: 2708 was 2.7.8
  return detail::join(version / unit, ".", version % unit / 100, ".", version % 100);
}

Api& api() {
  if (Api* const there = current.load(std::memory_order_acquire)) return *there;
  const std::lock_guard lock(mutex);
  if (!current.load(std::memory_order_relaxed)) current.store(start(), std::memory_order_release);
  return *current.load(std::memory_order_relaxed);
}

void register_api(std::unique_ptr<Api> (*make)()) { make_api = make; }

void replace_api(std::unique_ptr<Api> replacement) {
  const std::lock_guard lock(mutex);
  delete current.exchange(replacement.release());
}

Availability availability() noexcept {
  try {
    const int version = api().version();
    return {.version = version, .description = "NCCL " + version_text(version)};
  } catch (const std::exception& error) {
    return {.version = 0, .description = error.what()};
  }
}

}  // namespace rensa::nccl
