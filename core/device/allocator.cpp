#include "core/device/allocator.h"

#include <array>

#include "core/device/cpu/caching_allocator.h"
#include "core/error.h"

namespace rensa {
namespace {

constinit std::array<AllocatorOfIndex, kDeviceKinds> allocators = {};

}  // namespace

void register_allocators(DeviceKind kind, AllocatorOfIndex allocator_of_index) {
  allocators[static_cast<std::size_t>(kind)] = allocator_of_index;
}

Allocator& allocator(Device device) {
  if (device.kind == DeviceKind::kCpu) return cpu::caching_allocator();
  const AllocatorOfIndex of_index = allocators[static_cast<std::size_t>(device.kind)];
  if (!of_index) {
    throw DeviceError("device ", device, " is not available: its back end is not loaded. Use cpu, or install the back ",
                      "end and a driver.");
  }
  return of_index(device.index);
}

}  // namespace rensa
