#include "tests/support/simulated_driver.h"

#include <cstdlib>
#include <stdexcept>

#include "core/error.h"

namespace rensa::testing {

SimulatedDriver::~SimulatedDriver() {
  for (const auto& [data, size] : allocations_) std::free(data);
}

gpu::DeviceFacts SimulatedDriver::facts(int) const {
  return {
      .name = "simulated", .major = 9, .minor = 0, .multiprocessors = 1, .memory_bytes = memory_bytes_, .bus = "none"};
}
gpu::MemoryOfDevice SimulatedDriver::memory(int device) const {
  return {.free_bytes = memory_bytes_ - used(device), .total_bytes = memory_bytes_};
}

void* SimulatedDriver::allocate(int device, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  std::size_t& used = used_.at(static_cast<std::size_t>(device));
  if (used + bytes > memory_bytes_) return nullptr;
  void* const data = std::aligned_alloc(512, (bytes + 511) / 512 * 512);
  allocations_[data] = {device, bytes};
  used += bytes;
  return data;
}
void SimulatedDriver::release(int device, void* data) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = allocations_.find(data);
  used_[static_cast<std::size_t>(device)] -= found->second.second;
  allocations_.erase(found);
  std::free(data);
}
void* SimulatedDriver::allocate_pinned(std::size_t bytes) { return std::malloc(bytes); }
void SimulatedDriver::release_pinned(void* data) noexcept { std::free(data); }

gpu::StreamHandle SimulatedDriver::create_stream(int device, bool high_priority) {
  const std::lock_guard lock(mutex_);
  streams_.push_back(std::make_unique<Stream>(Stream{device, high_priority, {}}));
  return streams_.back().get();
}
bool SimulatedDriver::is_high_priority(gpu::StreamHandle stream) const { return of(stream)->high_priority; }

gpu::EventHandle SimulatedDriver::create_event(int, bool) {
  const std::lock_guard lock(mutex_);
  events_.push_back(std::make_unique<Event>());
  return events_.back().get();
}
void SimulatedDriver::destroy_event(int, gpu::EventHandle) noexcept {}  // kept: tasks may still name it

void SimulatedDriver::record(int, gpu::EventHandle event, gpu::StreamHandle stream) {
  const std::lock_guard lock(mutex_);
  auto* const e = static_cast<Event*>(event);
  const std::uint64_t number = ++e->records;
  e->stream = stream;
  of(stream)->tasks.push_back({"record", [this, e, number] { finished_[e] = std::max(finished_[e], number); }});
}
void SimulatedDriver::wait(int, gpu::StreamHandle stream, gpu::EventHandle event) {
  const std::lock_guard lock(mutex_);
  auto* const e = static_cast<Event*>(event);
  if (finished_[e] < e->records) of(stream)->tasks.push_back({"wait", nullptr, e, e->records});
}
bool SimulatedDriver::has_happened(int device, gpu::EventHandle event) {
  const std::lock_guard lock(mutex_);
  asked_devices_.push_back(device);
  auto* const e = static_cast<Event*>(event);
  return finished_[e] >= e->records;
}
void SimulatedDriver::synchronize_event(int device, gpu::EventHandle event) {
  const std::lock_guard lock(mutex_);
  asked_devices_.push_back(device);
  ++host_waits_;
  auto* const e = static_cast<Event*>(event);
  if (e->stream) run_until(e->stream, [&] { return finished_[e] >= e->records; }, 0);
}
double SimulatedDriver::milliseconds(int device, gpu::EventHandle, gpu::EventHandle) {
  const std::lock_guard lock(mutex_);
  asked_devices_.push_back(device);
  return 1;
}
void SimulatedDriver::synchronize(int, gpu::StreamHandle stream) {
  const std::lock_guard lock(mutex_);
  ++host_waits_;
  run(stream);
}

void SimulatedDriver::run(gpu::StreamHandle stream) {
  const std::lock_guard lock(mutex_);
  run_until(stream, [] { return false; }, 0);
}

void SimulatedDriver::run_until(gpu::StreamHandle stream, const std::function<bool()>& enough, int depth) {
  if (depth > 64) throw std::logic_error("simulated driver: streams wait for each other");
  std::deque<Task>& tasks = of(stream)->tasks;
  while (!tasks.empty() && !enough()) {
    const Task task = tasks.front();
    if (task.awaited) {
      const auto done = [&] { return finished_[task.awaited] >= task.record; };
      if (!done()) run_until(task.awaited->stream, done, depth + 1);
      if (!done()) throw std::logic_error("simulated driver: a stream waits for an event that nobody records");
    } else {
      task.work();
      if (task.name != "record") log_.push_back(task.name);
    }
    tasks.pop_front();
  }
}

void SimulatedDriver::launch(gpu::StreamHandle stream, std::string name, std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  of(stream)->tasks.push_back({std::move(name), std::move(work)});
}
std::size_t SimulatedDriver::queued(gpu::StreamHandle stream) const {
  const std::lock_guard lock(mutex_);
  return of(stream)->tasks.size();
}

void SimulatedDriver::copy(gpu::StreamHandle stream, const char* name, void* to, const void* from, std::size_t bytes) {
  launch(stream, name, [=] { std::memcpy(to, from, bytes); });
}
void SimulatedDriver::copy_to_device(int, void* to, const void* from, std::size_t bytes, gpu::StreamHandle stream) {
  copy(stream, "copy_to_device", to, from, bytes);
}
void SimulatedDriver::copy_to_host(int, void* to, const void* from, std::size_t bytes, gpu::StreamHandle stream) {
  copy(stream, "copy_to_host", to, from, bytes);
}
void SimulatedDriver::copy_on_device(int, void* to, const void* from, std::size_t bytes, gpu::StreamHandle stream) {
  copy(stream, "copy_on_device", to, from, bytes);
}
void SimulatedDriver::copy_to_peer(int, void* to, int, const void* from, std::size_t bytes, gpu::StreamHandle stream) {
  copy(stream, "copy_to_peer", to, from, bytes);
}

}  // namespace rensa::testing
