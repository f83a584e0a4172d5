#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "core/device/gpu/driver.h"
#include "core/device/gpu/stream.h"

namespace rensa::gpu {

/// Host memory that devices copy from and to without the host's help. Pinning is slow and waits for devices, so blocks
/// are kept by their size (a power of two). Thread safe.
class PinnedMemory {
 public:
  explicit PinnedMemory(Driver& driver) : driver_(driver) {}
  PinnedMemory(const PinnedMemory&) = delete;
  PinnedMemory& operator=(const PinnedMemory&) = delete;
  ~PinnedMemory();

  /// Throws MemoryError if the system has no room.
  void* take(std::size_t bytes);
  void give_back(void* data, std::size_t bytes) noexcept;
  /// The same once `stream` has done what is in it now: after a copy was put into it.
  void give_back_after(void* data, std::size_t bytes, const Stream& stream);

 private:
  struct Waiting {
    void* data;
    std::size_t bytes;
    Event event;
  };
  void collect_waiting();

  Driver& driver_;
  std::mutex mutex_;
  std::map<std::size_t, std::vector<void*>> idle_;
  std::vector<Waiting> waiting_;
};

PinnedMemory& pinned_memory();

/// An array of the host in pinned memory, contiguous, not initialised: what copies to and from a device run fastest
/// with, and without the host waiting.
Array pinned_array(const Shape& shape, Dtype dtype);

}  // namespace rensa::gpu
