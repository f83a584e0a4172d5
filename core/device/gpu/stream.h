#pragma once

#include <cstdint>
#include <utility>

#include "core/array/array.h"
#include "core/device/device.h"
#include "core/device/gpu/driver.h"

namespace rensa::gpu {

/// A queue of work on a device: what is put into it runs in that order. A cheap handle.
struct Stream {
  Device device;
  StreamHandle handle = nullptr;  ///< cudaStream_t

  friend bool operator==(const Stream&, const Stream&) = default;
  void synchronize() const;  ///< the host waits until everything in it is done
};

/// Where the calling thread's operations on `device` go: the device's main stream, or that of the innermost
/// StreamScope.
Stream current_stream(Device device);
/// The stream that all threads share unless they say otherwise.
Stream main_stream(Device device);

/// The calling thread's operations on the stream's device go there while the scope lasts. Says nothing about the order
/// of the two streams: that is what Event is for.
class StreamScope {
 public:
  explicit StreamScope(const Stream& stream);
  StreamScope(const StreamScope&) = delete;
  StreamScope& operator=(const StreamScope&) = delete;
  ~StreamScope();

 private:
  int device_;
  StreamHandle before_;
};

/// A stream of one's own: for communication (high priority), or for input. Given back, and taken by the next one, when
/// the owner goes; what is in it still runs.
class OwnedStream {
 public:
  explicit OwnedStream(Device device, bool high_priority = false);
  OwnedStream(OwnedStream&& other) noexcept
      : stream_(std::exchange(other.stream_, {})), high_priority_(other.high_priority_) {}
  OwnedStream& operator=(OwnedStream&& other) noexcept {
    std::swap(stream_, other.stream_);
    std::swap(high_priority_, other.high_priority_);
    return *this;
  }
  ~OwnedStream();

  const Stream& get() const { return stream_; }
  operator const Stream&() const { return stream_; }  // NOLINT(google-explicit-constructor): it is a stream

 private:
  Stream stream_;
  bool high_priority_;
};

/// A point in a stream. Recorded in one stream and waited for by another (the host goes on), or by the host.
///
///   Event computed(device);
///   computed.record(current_stream(device));
///   computed.wait_on(communication);       // the communication stream goes on when computation has come so far
class Event {
 public:
  explicit Event(Device device, bool timed = false);
  Event(Event&& other) noexcept
      : device_(other.device_), handle_(std::exchange(other.handle_, nullptr)), timed_(other.timed_) {}
  Event& operator=(Event&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(handle_, other.handle_);
    std::swap(timed_, other.timed_);
    return *this;
  }
  ~Event();

  void record(const Stream& stream);
  void wait_on(const Stream& stream) const;  ///< `stream` waits for this event
  bool has_happened() const;
  void synchronize() const;  ///< the host waits
  /// Between two timed events that have happened.
  double milliseconds_since(const Event& start) const;
  EventHandle handle() const { return handle_; }

 private:
  Device device_;
  EventHandle handle_;
  bool timed_;
};

/// `later` waits for all that is in `earlier` now.
void order(const Stream& earlier, const Stream& later);

/// The memory of `x`, which belongs to the stream that was current when it was allocated, is used by `stream` too: it
/// is not handed out again before what is in `stream` now, or will be until the last array goes, is done. Call it after
/// the work was put into the stream. Nothing happens for host memory and for memory that Rensa does not own.
void record_use(const Array& x, const Stream& stream);

}  // namespace rensa::gpu
