#include "core/kernels/kernel.h"

#include "core/error.h"

namespace rensa::kernels::detail {

void throw_missing_kernel(const char* name, Device device) {
  throw DeviceError(name, ": there is no implementation for device ", device,
                    ". Move the arrays to another device, or load that device's back end.");
}

}  // namespace rensa::kernels::detail
