#include "core/device/gpu/runtime.h"

#include <atomic>

#include "core/device/gpu/caching_allocator.h"
#include "core/device/gpu/pinned_memory.h"
#include "core/error.h"

namespace rensa::gpu {
namespace {
std::atomic<std::uint32_t> generations{0};
}

Runtime::Runtime(std::unique_ptr<Driver> d) : driver(std::move(d)), generation(++generations) {
  for (int i = 0; i < driver->device_count(); ++i) {
    devices.push_back(std::make_unique<DeviceState>());
    devices.back()->allocator = std::make_unique<CachingAllocator>(i, *driver);
  }
  pinned = std::make_unique<PinnedMemory>(*driver);
}

Runtime::~Runtime() {
  for (std::size_t i = 0; i < devices.size(); ++i) {
    for (const EventHandle event : devices[i]->idle_events) driver->destroy_event(static_cast<int>(i), event);
  }
}

void Runtime::release_memory() {
  pinned.reset();
  for (const auto& device : devices) device->allocator.reset();
}

DeviceState& Runtime::of(int device) {
  if (device < 0 || device >= static_cast<int>(devices.size())) {
    throw DeviceError("device cuda:", device, " is not there: this process sees ", devices.size(),
                      " (cuda:0 to cuda:", devices.size() - 1, "). See nvidia-smi and CUDA_VISIBLE_DEVICES.");
  }
  return *devices[static_cast<std::size_t>(device)];
}

}  // namespace rensa::gpu
