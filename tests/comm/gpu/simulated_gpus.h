#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/device/gpu/driver.h"

namespace rensa::testing {

/// GPUs that are simulated in main memory. Each stream runs by itself, on a thread, as a real one does beside the host:
/// ranks that are threads can wait for each other inside of it.
class RunningDriver final : public gpu::Driver {
 public:
  explicit RunningDriver(int devices) : devices_(devices) {}
  ~RunningDriver() override;

  std::string description() const override { return "simulated"; }
  int device_count() const override { return devices_; }
  gpu::DeviceFacts facts(int device) const override;
  gpu::MemoryOfDevice memory(int) const override { return {.free_bytes = kMemory, .total_bytes = kMemory}; }
  void* allocate(int device, std::size_t bytes) override;
  void release(int device, void* data) noexcept override;  ///< when the device's streams have done what they had
  void* allocate_pinned(std::size_t bytes) override { return allocate(0, bytes); }
  void release_pinned(void* data) noexcept override;
  gpu::StreamHandle create_stream(int device, bool high_priority) override;
  void synchronize(int device, gpu::StreamHandle stream) override;
  gpu::EventHandle create_event(int device, bool timed) override;
  void destroy_event(int device, gpu::EventHandle event) noexcept override;
  void record(int device, gpu::EventHandle event, gpu::StreamHandle stream) override;
  void wait(int device, gpu::StreamHandle stream, gpu::EventHandle event) override;
  bool has_happened(int device, gpu::EventHandle event) override;
  void synchronize_event(int device, gpu::EventHandle event) override;
  double milliseconds(int, gpu::EventHandle, gpu::EventHandle) override { return 1; }
  void copy_to_device(int, void* to, const void* from, std::size_t bytes, gpu::StreamHandle stream) override;
  void copy_to_host(int, void* to, const void* from, std::size_t bytes, gpu::StreamHandle stream) override;
  void copy_on_device(int, void* to, const void* from, std::size_t bytes, gpu::StreamHandle stream) override;
  void copy_to_peer(int, void* to, int, const void* from, std::size_t bytes, gpu::StreamHandle stream) override;

  /// Puts work into a stream, as a kernel would.
  void launch(gpu::StreamHandle stream, std::function<void()> work);
  bool is_high_priority(gpu::StreamHandle stream) const;
  /// How often the host has waited for a stream or an event.
  int host_waits() const { return host_waits_; }
  /// While on, the host that asks about an event gets a DeviceError, as after an illegal access of a kernel.
  void fail_events(bool on) { fails_events_ = on; }
  /// Two devices that are one GPU, by their bus.
  void make_one_gpu(int device, int other) { same_[device] = other; }

 private:
  static constexpr std::size_t kMemory = std::size_t{1} << 40;
  struct Happening {
    bool done = false;
  };
  struct Event {
    std::shared_ptr<Happening> last;  ///< null: never recorded
  };
  struct Stream {
    int device = 0;
    bool high_priority = false;
    std::deque<std::function<void()>> work;
    bool busy = false;  ///< with what it took out of `work`
    bool stopping = false;
    std::condition_variable changed;
    std::thread thread;
  };
  void run(Stream& stream);
  void wait_for(const std::shared_ptr<Happening>& happening, std::unique_lock<std::mutex>& lock);

  const int devices_;
  std::map<int, int> same_;
  mutable std::mutex mutex_;
  std::condition_variable happened_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::atomic<int> host_waits_{0};
  std::atomic<bool> fails_events_{false};
};

/// Simulated GPUs in the place of real ones for as long as it lives, with the kernels that communication and updates
/// need: copies, filling, arithmetic, the simplest rules. Arrays on them must be gone before it.
class SimulatedGpus {
 public:
  explicit SimulatedGpus(int devices);
  ~SimulatedGpus();
  SimulatedGpus(const SimulatedGpus&) = delete;
  SimulatedGpus& operator=(const SimulatedGpus&) = delete;
  RunningDriver& driver() { return *driver_; }

 private:
  RunningDriver* driver_;
};

}  // namespace rensa::testing
