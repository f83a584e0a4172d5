#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace rensa::gpu {

using StreamHandle = void*;  ///< cudaStream_t; null: no stream
using EventHandle = void*;   ///< cudaEvent_t

struct DeviceFacts {
  std::string name;          ///< "NVIDIA H100 80GB HBM3"
  int major = 0, minor = 0;  ///< compute capability
  int multiprocessors = 0;
  std::size_t memory_bytes = 0;
  std::string bus;  ///< "0000:3b:00.0"
};

struct MemoryOfDevice {
  std::size_t free_bytes = 0, total_bytes = 0;
};

/// The few calls that everything else on a GPU is made of: what the CUDA runtime does, and what tests simulate on a
/// machine without a GPU. Devices are numbered from 0. Whatever fails, but for want of memory, throws DeviceError.
///
/// Thread safe. Work on a stream runs in the order in which it was given; copies of unpinned host memory may block.
class Driver {
 public:
  virtual ~Driver() = default;
  virtual std::string description() const = 0;  ///< "CUDA driver 13.0, runtime 13.0, cuDNN 9.19"
  virtual int device_count() const = 0;
  virtual DeviceFacts facts(int device) const = 0;
  virtual MemoryOfDevice memory(int device) const = 0;

  /// The calling thread works with `device` from now on: what is not said of a device itself (pinned memory) does not
  /// wake another one.
  virtual void use(int /*device*/) {}

  /// Null when there is no room.
  virtual void* allocate(int device, std::size_t bytes) = 0;
  virtual void release(int device, void* data) noexcept = 0;
  virtual void* allocate_pinned(
      std::size_t bytes) = 0;  ///< host memory that devices can reach; null when there is no room
  virtual void release_pinned(void* data) noexcept = 0;

  virtual StreamHandle create_stream(int device, bool high_priority) = 0;
  virtual void synchronize(int device, StreamHandle stream) = 0;
  virtual EventHandle create_event(int device, bool timed) = 0;
  virtual void destroy_event(int device, EventHandle event) noexcept = 0;
  virtual void record(int device, EventHandle event, StreamHandle stream) = 0;
  virtual void wait(int device, StreamHandle stream, EventHandle event) = 0;  ///< the stream waits, not the host
  virtual bool has_happened(int device, EventHandle event) = 0;  ///< true for an event that was never recorded
  virtual void synchronize_event(int device, EventHandle event) = 0;
  /// Of timed events of the device that have happened.
  virtual double milliseconds(int device, EventHandle from, EventHandle to) = 0;

  // In order with the stream's other work; the host does not wait.
  virtual void copy_to_device(int device, void* to, const void* from, std::size_t bytes, StreamHandle stream) = 0;
  virtual void copy_to_host(int device, void* to, const void* from, std::size_t bytes, StreamHandle stream) = 0;
  virtual void copy_on_device(int device, void* to, const void* from, std::size_t bytes, StreamHandle stream) = 0;
  /// `stream` is the source device's.
  virtual void copy_to_peer(int to_device, void* to, int from_device, const void* from, std::size_t bytes,
                            StreamHandle stream) = 0;
};

/// The driver of this process: the plug-in librensa_cuda is opened at the first call. Throws DeviceError that says what
/// is missing: the plug-in, another version of it, a driver, or a GPU.
Driver& driver();
/// Whether driver() has been made, without making it.
bool is_in_use();

/// What a plug-in calls when it is loaded: how its driver is made.
void register_driver(std::unique_ptr<Driver> (*make)());
/// Puts `replacement` in the place of the driver, and forgets all streams and memory of the one before, which must not
/// be in use any more. For tests.
void replace_driver(std::unique_ptr<Driver> replacement);

/// What `rensa doctor` asks: never throws.
struct Availability {
  int devices = 0;
  std::string description;  ///< of the driver and each device, or why there is none
};
Availability availability() noexcept;

}  // namespace rensa::gpu
