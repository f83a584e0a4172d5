#include "comm/communicators/pure_nccl_communicator.h"

#include "core/error.h"

namespace rensa {

void PureNcclCommunicator::refuse(const Array& data) {
  throw DeviceError("pure_nccl: carries arrays on GPUs only, found one on ", data.device(),
                    ". For arrays on the CPU use the communicator auto.");
}

}  // namespace rensa
