#include "core/device/allocator.h"

#include "core/device/cpu/caching_allocator.h"
#include "core/device/gpu/caching_allocator.h"

namespace rensa {
Allocator& allocator(Device device) {
  if (device.kind == DeviceKind::kCpu) return cpu::caching_allocator();
  return gpu::caching_allocator(device.index);
}

}  // namespace rensa
