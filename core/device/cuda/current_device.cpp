#include "core/device/cuda/current_device.h"

#include <cuda_runtime_api.h>

#include "core/device/cuda/check.h"

namespace rensa::cuda {
namespace {
thread_local constinit int current = -1;
}

void make_current(int device) {
  if (current == device) return;
  check(cudaSetDevice(device), "cudaSetDevice");
  current = device;
}
void forget_current() noexcept { current = -1; }

}  // namespace rensa::cuda
