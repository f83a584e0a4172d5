#pragma once

#include <atomic>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "core/device/cpu/small_blocks.h"
#include "core/device/device.h"

namespace rensa {

/// A counted piece of memory on one device, shared by the arrays that view it.
class Buffer : public boost::intrusive_ref_counter<Buffer, boost::thread_safe_counter>, public cpu::FromSmallBlocks {
 public:
  using Pointer = boost::intrusive_ptr<Buffer>;  ///< how arrays hold it

  /// Memory of the device's allocator; throws MemoryError when it has no room.
  static Pointer allocate(std::size_t bytes, Device device);
  /// Memory that somebody else owns; `release` runs when the last array that views it is gone.
  static Pointer wrap(void* data, std::size_t bytes, Device device, std::function<void()> release);

  virtual ~Buffer() = default;
  std::byte* data() const { return data_; }     ///< on its device: not to be read by the host if that is a GPU
  std::size_t bytes() const { return bytes_; }  ///< its length
  Device device() const { return device_; }     ///< where it lies

  /// How often the elements have been written in place since the buffer was made, as far as writers said so: Array's
  /// fill() and copy_from(), index assignment, and optimizers do. A graph that needs them compares
  /// (Function::retained_input).
  std::uint32_t version() const { return version_.load(std::memory_order_relaxed); }
  void note_write() { version_.fetch_add(1, std::memory_order_relaxed); }  ///< says that elements were written in place

 protected:
  Buffer(void* data, std::size_t bytes, Device device)
      : data_(static_cast<std::byte*>(data)), bytes_(bytes), device_(device) {}
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

 private:
  std::byte* data_;
  std::size_t bytes_;
  Device device_;
  std::atomic<std::uint32_t> version_{0};
};

}  // namespace rensa
