#include "core/device/gpu/driver.h"

#include <atomic>
#include <mutex>

#include "core/device/gpu/runtime.h"
#include "core/device/plugin.h"
#include "core/error.h"

namespace rensa::gpu {
namespace {

std::unique_ptr<Driver> (*make_driver)() = nullptr;
std::mutex mutex;
constinit std::atomic<Runtime*> current{nullptr};

/// Never destroyed: static arrays outlive main.
Runtime* start() {
  open_plugin("cuda");
  if (!make_driver) throw DeviceError("cuda: the plug-in librensa_cuda brought no driver. Build it again.");
  std::unique_ptr<Driver> made = make_driver();
  if (made->device_count() == 0) {
    throw DeviceError("cuda: no GPU can be used (", made->description(),
                      "). Use --device cpu, or see nvidia-smi and CUDA_VISIBLE_DEVICES.");
  }
  return new Runtime(std::move(made));
}

}  // namespace

Runtime& runtime() {
  if (Runtime* const there = current.load(std::memory_order_acquire)) return *there;
  const std::lock_guard lock(mutex);
  if (!current.load(std::memory_order_relaxed)) current.store(start(), std::memory_order_release);
  return *current.load(std::memory_order_relaxed);
}

Driver& driver() { return *runtime().driver; }
bool is_in_use() { return current.load(std::memory_order_acquire) != nullptr; }

void register_driver(std::unique_ptr<Driver> (*make)()) { make_driver = make; }

void replace_driver(std::unique_ptr<Driver> replacement) {
  const std::lock_guard lock(mutex);
  if (Runtime* const old = current.load(std::memory_order_relaxed)) {
    old->release_memory();
    current.store(nullptr, std::memory_order_release);  // what others still hold finds no runtime to go back to
    delete old;
  }
  if (replacement) current.store(new Runtime(std::move(replacement)), std::memory_order_release);
}

Availability availability() noexcept {
  Availability result;
  try {
    Driver& found = driver();
    result.devices = found.device_count();
    result.description = found.description();
    for (int i = 0; i < result.devices; ++i) {
      const DeviceFacts facts = found.facts(i);
      result.description += detail::join("; cuda:", i, " ", facts.name, ", capability ", facts.major, ".", facts.minor,
                                         ", ", facts.memory_bytes >> 20, " MiB");
    }
  } catch (const std::exception& error) {
    result = {.devices = 0, .description = error.what()};
  }
  return result;
}

}  // namespace rensa::gpu
