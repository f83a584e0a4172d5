#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "core/device/gpu/driver.h"

namespace rensa::gpu {

class CachingAllocator;
class PinnedMemory;

/// What there is one of for each device.
struct DeviceState {
  StreamHandle main_stream = nullptr;         ///< made when first asked for
  std::vector<StreamHandle> idle_streams[2];  ///< given back: normal and high priority
  std::vector<EventHandle> idle_events;
  std::unique_ptr<CachingAllocator> allocator;
  std::mutex mutex;
};

/// The driver with everything that hangs on it. Inside core/device/gpu only.
struct Runtime {
  explicit Runtime(std::unique_ptr<Driver> driver);
  ~Runtime();
  /// Ends the allocators, while the events that their memory waits for can still go back to where they came from.
  void release_memory();
  DeviceState& of(int device);  ///< throws DeviceError that says how many devices there are

  std::unique_ptr<Driver> driver;
  std::vector<std::unique_ptr<DeviceState>> devices;
  std::unique_ptr<PinnedMemory> pinned;
  std::uint32_t
      generation;  ///< another for each runtime of the process: what a thread remembers of the last one is void
};

Runtime& runtime();

}  // namespace rensa::gpu
