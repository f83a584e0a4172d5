#pragma once

#include <cstddef>

#include "core/device/device.h"

namespace rensa {

/// Bytes of one allocator.
struct MemoryStatistics {
  std::size_t in_use = 0;       ///< bytes handed out and not yet given back
  std::size_t peak_in_use = 0;  ///< the most that in_use has been since reset_peak()
  std::size_t reserved = 0;     ///< bytes held from the system, free blocks included
};

/// Memory of one device. Allocators cache: what is given back is kept for the next request, because a training step
/// asks for the same sizes again and again. Thread safe.
class Allocator {
 public:
  virtual ~Allocator() = default;

  /// At least `bytes` bytes, aligned to 64. Throws MemoryError when the device or the limit has no room.
  virtual void* allocate(std::size_t bytes) = 0;
  /// Gives back what allocate() gave for as many bytes.
  virtual void deallocate(void* data, std::size_t bytes) noexcept = 0;

  virtual MemoryStatistics statistics() const = 0;  ///< since the program began, peak since reset_peak()
  virtual void reset_peak() = 0;                    ///< the peak is what is in use now
  virtual void set_limit(std::size_t bytes) = 0;    ///< of in_use; 0 removes the limit
  virtual void trim() = 0;                          ///< gives free memory back to the system
};

/// The allocator of `device`; the first one of a GPU opens CUDA's plug-in. Throws DeviceError that says what is
/// missing.
Allocator& allocator(Device device);

}  // namespace rensa
