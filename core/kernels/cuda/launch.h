#pragma once

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdint>

#include "core/array/array.h"
#include "core/device/cuda/check.h"
#include "core/device/cuda/current_device.h"
#include "core/device/gpu/stream.h"

namespace rensa::cuda {

inline constexpr int kThreads = 256;

/// The stream in which operations on x's device run now; that device is the current one of CUDA's calls afterwards.
inline cudaStream_t stream_for(const Array& x) {
  make_current(x.device().index);
  return static_cast<cudaStream_t>(gpu::current_stream(x.device()).handle);
}

/// Blocks of kThreads for `items`, each thread taking several in turn when there are very many.
inline unsigned blocks_for(std::int64_t items, int threads = kThreads) {
  constexpr std::int64_t kMost = 1 << 16;
  return static_cast<unsigned>(std::clamp<std::int64_t>((items + threads - 1) / threads, 1, kMost));
}

/// After a launch: whether it could be started.
inline void check_launch(const char* name) {
  const cudaError_t status = cudaGetLastError();
  if (status != cudaSuccess) check(status, name);
}

template <class T>
T* pointer(const Array& x) {
  return static_cast<T*>(x.raw_data());
}

}  // namespace rensa::cuda
