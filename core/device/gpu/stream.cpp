#include "core/device/gpu/stream.h"

#include <array>

#include "core/device/gpu/caching_allocator.h"
#include "core/device/gpu/runtime.h"
#include "core/error.h"

namespace rensa::gpu {
namespace {

constexpr int kMostDevices = 32;

/// What the innermost scopes of this thread say; null: the main stream.
struct Current {
  std::uint32_t generation = 0;
  std::array<StreamHandle, kMostDevices> scoped{};
  std::array<StreamHandle, kMostDevices> main{};
};
thread_local constinit Current current;

Current& of_thread() {
  const std::uint32_t now = runtime().generation;
  if (current.generation != now) current = {.generation = now, .scoped = {}, .main = {}};
  return current;
}

std::size_t index_of(Device device) {
  if (device.kind != DeviceKind::kCuda)
    throw DeviceError("stream: ", device, " has no streams; expected a cuda device.");
  if (device.index < 0 || device.index >= kMostDevices) runtime().of(-1);
  return static_cast<std::size_t>(device.index);
}

}  // namespace

void Stream::synchronize() const { driver().synchronize(device.index, handle); }

Stream main_stream(Device device) {
  StreamHandle& cached = of_thread().main[index_of(device)];
  if (!cached) {
    DeviceState& state = runtime().of(device.index);
    const std::lock_guard lock(state.mutex);
    if (!state.main_stream) state.main_stream = driver().create_stream(device.index, false);
    cached = state.main_stream;
  }
  return {device, cached};
}

Stream current_stream(Device device) {
  const StreamHandle scoped = of_thread().scoped[index_of(device)];
  return scoped ? Stream{device, scoped} : main_stream(device);
}

StreamScope::StreamScope(const Stream& stream) : device_(stream.device.index) {
  before_ = std::exchange(of_thread().scoped[index_of(stream.device)], stream.handle);
}
StreamScope::~StreamScope() { of_thread().scoped[static_cast<std::size_t>(device_)] = before_; }

OwnedStream::OwnedStream(Device device, bool high_priority) : stream_{device, nullptr}, high_priority_(high_priority) {
  index_of(device);
  DeviceState& state = runtime().of(device.index);
  const std::lock_guard lock(state.mutex);
  auto& idle = state.idle_streams[high_priority ? 1 : 0];
  if (idle.empty()) {
    stream_.handle = driver().create_stream(device.index, high_priority);
  } else {
    stream_.handle = idle.back();
    idle.pop_back();
  }
}
OwnedStream::~OwnedStream() {
  if (!stream_.handle || !is_in_use()) return;
  DeviceState& state = runtime().of(stream_.device.index);
  const std::lock_guard lock(state.mutex);
  state.idle_streams[high_priority_ ? 1 : 0].push_back(stream_.handle);
}

Event::Event(Device device, bool timed) : device_(device), handle_(nullptr), timed_(timed) {
  index_of(device);
  DeviceState& state = runtime().of(device.index);
  if (!timed) {
    const std::lock_guard lock(state.mutex);
    if (!state.idle_events.empty()) {
      handle_ = state.idle_events.back();
      state.idle_events.pop_back();
      return;
    }
  }
  handle_ = driver().create_event(device.index, timed);
}
Event::~Event() {
  if (!handle_ || !is_in_use()) return;
  if (timed_) {
    driver().destroy_event(device_.index, handle_);
    return;
  }
  DeviceState& state = runtime().of(device_.index);
  const std::lock_guard lock(state.mutex);
  state.idle_events.push_back(handle_);
}

void Event::record(const Stream& stream) { driver().record(device_.index, handle_, stream.handle); }
void Event::wait_on(const Stream& stream) const { driver().wait(stream.device.index, stream.handle, handle_); }
bool Event::has_happened() const { return driver().has_happened(device_.index, handle_); }
void Event::synchronize() const { driver().synchronize_event(device_.index, handle_); }
double Event::milliseconds_since(const Event& start) const {
  return driver().milliseconds(device_.index, start.handle_, handle_);
}

void order(const Stream& earlier, const Stream& later) {
  if (earlier == later) return;
  Event event(earlier.device);
  event.record(earlier);
  event.wait_on(later);
}

void record_use(const Array& x, const Stream& stream) {
  if (x.device().kind != DeviceKind::kCuda) return;
  runtime().of(x.device().index).allocator->record_use(x.buffer()->data(), stream);
}

}  // namespace rensa::gpu
