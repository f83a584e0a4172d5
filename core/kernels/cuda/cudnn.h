#pragma once

#include <cudnn.h>

#include <source_location>

#include "core/array/dtype.h"
#include "core/device/device.h"
#include "core/device/gpu/algorithm_cache.h"
#include "core/error.h"

namespace rensa::cuda {

/// Throws DeviceError that names the call and cuDNN's reason, unless `status` is success.
inline void check(cudnnStatus_t status, const char* call,
                  const std::source_location& where = std::source_location::current()) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  char detail[512] = "";
  cudnnGetLastErrorString(detail, sizeof detail);
  throw DeviceError(call, ": ", cudnnGetErrorString(status), ". ", detail, " (at ", where.file_name(), ":",
                    where.line(), ").");
}

/// The calling thread's handle for `device`, set to its current stream.
cudnnHandle_t cudnn_handle(Device device);

/// Throws DtypeError that names `operation` for what cuDNN does not compute in.
cudnnDataType_t cudnn_type(Dtype dtype, const char* operation);

/// Measured choices for cuDNN of this version on GPUs of this name.
gpu::AlgorithmCache& cudnn_algorithms(Device device);

}  // namespace rensa::cuda
