#include "core/device/gpu/transfer.h"

#include <algorithm>
#include <cstring>

#include "core/device/gpu/pinned_memory.h"
#include "core/error.h"

namespace rensa::gpu {
namespace {

constexpr std::size_t kPiece = std::size_t{8} << 20;  ///< of staging: filled while the piece before is on its way

bool on_host(Device device) { return device.kind == DeviceKind::kCpu; }

void upload(void* to, int device, const void* from, std::size_t bytes, const Stream& stream) {
  driver().use(device);
  for (std::size_t at = 0; at < bytes; at += kPiece) {
    const std::size_t part = std::min(kPiece, bytes - at);
    void* const staging = pinned_memory().take(part);
    std::memcpy(staging, static_cast<const std::byte*>(from) + at, part);
    driver().copy_to_device(device, static_cast<std::byte*>(to) + at, staging, part, stream.handle);
    pinned_memory().give_back_after(staging, part, stream);
  }
}

void download(void* to, int device, const void* from, std::size_t bytes, const Stream& stream) {
  driver().use(device);
  for (std::size_t at = 0; at < bytes; at += kPiece) {
    const std::size_t part = std::min(kPiece, bytes - at);
    void* const staging = pinned_memory().take(part);
    driver().copy_to_host(device, staging, static_cast<const std::byte*>(from) + at, part, stream.handle);
    stream.synchronize();
    std::memcpy(static_cast<std::byte*>(to) + at, staging, part);
    pinned_memory().give_back(staging, part);
  }
}

/// Gaps are closed up where the elements lie; what they are in memory is kept.
Array dense(const Array& x) {
  if (x.is_dense()) return x;
  return x.copy();
}

}  // namespace

void copy_bytes(void* to, Device to_device, const void* from, Device from_device, std::size_t bytes,
                const Stream& stream) {
  if (bytes == 0) return;
  if (on_host(from_device)) return upload(to, to_device.index, from, bytes, stream);
  if (on_host(to_device)) return download(to, from_device.index, from, bytes, stream);
  if (to_device == from_device) return driver().copy_on_device(to_device.index, to, from, bytes, stream.handle);
  driver().copy_to_peer(to_device.index, to, from_device.index, from, bytes, stream.handle);
}

Array moved(const Array& x, Device target) {
  const Array source = dense(x);
  const Array result(Buffer::allocate(source.bytes(), target), 0, source.shape(), source.strides(), source.dtype());
  const Stream stream = current_stream(on_host(source.device()) ? target : source.device());
  const bool between_devices = !on_host(target) && !on_host(source.device());
  if (between_devices) order(current_stream(target), stream);  // the new memory may still be in use there
  copy_bytes(result.raw_data(), target, source.raw_data(), source.device(), source.bytes(), stream);
  if (between_devices) order(stream, current_stream(target));
  return result;
}

Array uploaded(const Array& x, const Stream& stream) {
  if (!on_host(x.device())) throw DeviceError("upload: the array is on ", x.device(), ", expected it on the host.");
  const Array source = dense(x);
  const StreamScope scope(stream);
  const Array result(Buffer::allocate(source.bytes(), stream.device), 0, source.shape(), source.strides(),
                     source.dtype());
  copy_bytes(result.raw_data(), stream.device, source.raw_data(), Device{}, source.bytes(), stream);
  return result;
}

}  // namespace rensa::gpu
