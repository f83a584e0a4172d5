#pragma once

#include <cuda_runtime_api.h>

#include <source_location>

#include "core/error.h"

namespace rensa::cuda {

/// Throws DeviceError that names the call, CUDA's reason and the place, unless `status` is success.
inline void check(cudaError_t status, const char* call,
                  const std::source_location& where = std::source_location::current()) {
  if (status == cudaSuccess) return;
  throw DeviceError(call, ": ", cudaGetErrorString(status), " (", cudaGetErrorName(status), ", at ", where.file_name(),
                    ":", where.line(),
                    "). An error of an earlier operation may show here: run again with CUDA_LAUNCH_BLOCKING=1, ",
                    "or under compute-sanitizer.");
}

}  // namespace rensa::cuda
