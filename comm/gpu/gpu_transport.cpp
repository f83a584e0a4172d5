#include "comm/gpu/gpu_transport.h"

#include "comm/gpu/direct_transport.h"
#include "comm/gpu/nccl_messages.h"
#include "comm/gpu/nccl_transport.h"
#include "comm/gpu/staged_transport.h"
#include "comm/shm/direct_reduction.h"
#include "core/error.h"
#include "core/kernels/arithmetic.h"

namespace rensa::gpu {

std::unique_ptr<GpuTransport> make_transport(GpuWay way, Communicator& owner, Device device) {
  if (way == GpuWay::kNccl || way == GpuWay::kQuickest) {
    const std::string obstacle = NcclTransport::obstacle(owner, device);
    if (obstacle.empty()) return std::make_unique<NcclTransport>(owner, device);
    if (way == GpuWay::kNccl) throw CommError(owner.name(), ": ", obstacle);
  }
  if (way == GpuWay::kStaged || !owner.takes_gpu_memory()) return std::make_unique<StagedTransport>(owner);
  return std::make_unique<DirectTransport>(owner);
}

std::unique_ptr<GpuMessages> make_messages(GpuWay way, Communicator& owner) {
  if (way == GpuWay::kNccl) return std::make_unique<NcclMessages>(owner);
  if (way == GpuWay::kStaged || !owner.takes_gpu_memory()) return std::make_unique<StagedMessages>(owner);
  return std::make_unique<DirectMessages>(owner);
}

void scale(const Array& x, double factor) {
  if (x.device().kind == DeviceKind::kCpu) return shm::scale(x, factor);
  x.copy_from(kernels::mul_number(x, factor));
}

}  // namespace rensa::gpu
