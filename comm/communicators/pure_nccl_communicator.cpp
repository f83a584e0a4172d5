#include "comm/communicators/pure_nccl_communicator.h"

#include "comm/gpu/nccl_api.h"
#include "core/device/gpu/driver.h"
#include "core/error.h"

namespace rensa {

void PureNcclCommunicator::check_that_all_have_it(Communicator& whole) {
  const nccl::Availability library = nccl::availability();
  const gpu::Availability gpus = gpu::availability();
  const std::string mine = library.version == 0 ? library.description : gpus.devices == 0 ? gpus.description : "";
  const std::vector<std::string> all = whole.all_gather_bytes(mine);
  for (std::size_t r = 0; r < all.size(); ++r) {
    if (all[r].empty()) continue;
    throw DeviceError("pure_nccl: needs NCCL and a GPU on every rank, but rank ", r, " of ", all.size(),
                      " has not: ", all[r], " For arrays on the CPU use the communicator auto.");
  }
}

void PureNcclCommunicator::check_carries(std::string_view name, Device device, const std::string& what) {
  if (name != "pure_nccl" || device.kind != DeviceKind::kCpu) return;
  throw DeviceError("pure_nccl carries arrays on GPUs, and ", what,
                    " is on the CPU. Put it on a GPU (device cuda), or use the communicator auto.");
}

}  // namespace rensa
