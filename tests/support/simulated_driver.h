#pragma once

#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/device/gpu/driver.h"

namespace rensa::testing {

/// GPUs that are simulated in main memory: streams are queues that run when somebody waits for them, or when the test
/// says so. What is put into a stream stays undone until then, so that a missing event shows as wrong bytes, every
/// time.
class SimulatedDriver final : public gpu::Driver {
 public:
  explicit SimulatedDriver(int devices = 2, std::size_t memory_bytes = std::size_t{64} << 20)
      : used_(static_cast<std::size_t>(devices)), memory_bytes_(memory_bytes) {}
  ~SimulatedDriver() override;

  std::string description() const override { return "simulated"; }
  int device_count() const override { return static_cast<int>(used_.size()); }
  gpu::DeviceFacts facts(int device) const override;
  gpu::MemoryOfDevice memory(int device) const override;
  void* allocate(int device, std::size_t bytes) override;
  void release(int device, void* data) noexcept override;
  void* allocate_pinned(std::size_t bytes) override;
  void release_pinned(void* data) noexcept override;
  gpu::StreamHandle create_stream(int device, bool high_priority) override;
  void synchronize(int device, gpu::StreamHandle stream) override;
  gpu::EventHandle create_event(int device, bool timed) override;
  void destroy_event(int device, gpu::EventHandle event) noexcept override;
  void record(int device, gpu::EventHandle event, gpu::StreamHandle stream) override;
  void wait(int device, gpu::StreamHandle stream, gpu::EventHandle event) override;
  bool has_happened(int device, gpu::EventHandle event) override;
  void synchronize_event(int device, gpu::EventHandle event) override;
  double milliseconds(int device, gpu::EventHandle from, gpu::EventHandle to) override;
  void copy_to_device(int device, void* to, const void* from, std::size_t bytes, gpu::StreamHandle stream) override;
  void copy_to_host(int device, void* to, const void* from, std::size_t bytes, gpu::StreamHandle stream) override;
  void copy_on_device(int device, void* to, const void* from, std::size_t bytes, gpu::StreamHandle stream) override;
  void copy_to_peer(int to_device, void* to, int from_device, const void* from, std::size_t bytes,
                    gpu::StreamHandle stream) override;

  /// Puts work into a stream, as a kernel would.
  void launch(gpu::StreamHandle stream, std::string name, std::function<void()> work);
  /// Runs what is in a stream, and what it waits for in others. Throws std::logic_error for a wait that nothing can
  /// end.
  void run(gpu::StreamHandle stream);
  std::size_t queued(gpu::StreamHandle stream) const;
  const std::vector<std::string>& log() const { return log_; }  ///< what has run, in that order
  void clear_log() { log_.clear(); }
  std::size_t used(int device) const { return used_.at(static_cast<std::size_t>(device)); }
  bool is_high_priority(gpu::StreamHandle stream) const;
  /// How often the host has waited for a stream or an event.
  int host_waits() const { return host_waits_; }
  /// The devices that the host named when it asked about an event or waited for it, in that order.
  const std::vector<int>& asked_devices() const { return asked_devices_; }

 private:
  struct Event {
    bool recorded = false, done = true;
    gpu::StreamHandle stream = nullptr;
    std::uint64_t records = 0;  ///< each record() replaces the one before
  };
  struct Task {
    std::string name;
    std::function<void()> work;  ///< none: a wait
    Event* awaited = nullptr;
    std::uint64_t record = 0;
  };
  struct Stream {
    int device;
    bool high_priority;
    std::deque<Task> tasks;
  };
  static Stream* of(gpu::StreamHandle handle) { return static_cast<Stream*>(handle); }
  void run_until(gpu::StreamHandle stream, const std::function<bool()>& enough, int depth);
  void copy(gpu::StreamHandle stream, const char* name, void* to, const void* from, std::size_t bytes);

  mutable std::recursive_mutex mutex_;
  std::map<void*, std::pair<int, std::size_t>> allocations_;
  std::vector<std::size_t> used_;
  std::size_t memory_bytes_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<std::unique_ptr<Event>> events_;
  std::map<Event*, std::uint64_t> finished_;  ///< the newest record that has happened
  std::vector<std::string> log_;
  int host_waits_ = 0;
  std::vector<int> asked_devices_;
};

/// Simulated GPUs for as long as it lives; arrays on them must be gone before it.
class SimulatedDevices {
 public:
  explicit SimulatedDevices(int devices = 2, std::size_t memory_bytes = std::size_t{64} << 20) {
    auto made = std::make_unique<SimulatedDriver>(devices, memory_bytes);
    driver = made.get();
    gpu::replace_driver(std::move(made));
  }
  ~SimulatedDevices() { gpu::replace_driver(nullptr); }
  SimulatedDevices(const SimulatedDevices&) = delete;
  SimulatedDevices& operator=(const SimulatedDevices&) = delete;

  SimulatedDriver* driver;
};

}  // namespace rensa::testing
