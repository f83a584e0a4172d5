#include "core/kernels/cuda/cudnn.h"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>

#include "core/cache_folder.h"
#include "core/device/cuda/current_device.h"
#include "core/device/gpu/driver.h"
#include "core/device/gpu/stream.h"

namespace rensa::cuda {
namespace {

/// Handles outlive the thread's last use of them only until it ends.
struct Handles {
  std::map<int, cudnnHandle_t> by_device;
  Handles() = default;
  Handles(const Handles&) = delete;
  Handles& operator=(const Handles&) = delete;
  ~Handles() {
    for (const auto& [device, handle] : by_device) cudnnDestroy(handle);
  }
};

std::filesystem::path cache_file(Device device) {
  const auto folder = cache_folder();
  if (!folder) return {};
  std::string gpu = gpu::driver().facts(device.index).name;
  std::replace_if(gpu.begin(), gpu.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
  return *folder / ("cudnn-" + std::to_string(cudnnGetVersion()) + "-" + gpu + ".json");
}

}  // namespace

cudnnHandle_t cudnn_handle(Device device) {
  thread_local Handles handles;
  make_current(device.index);
  cudnnHandle_t& handle = handles.by_device[device.index];
  if (!handle) check(cudnnCreate(&handle), "cudnnCreate");
  check(cudnnSetStream(handle, static_cast<cudaStream_t>(gpu::current_stream(device).handle)), "cudnnSetStream");
  return handle;
}

cudnnDataType_t cudnn_type(Dtype dtype, const char* operation) {
  switch (dtype) {
    case Dtype::kFloat16:
      return CUDNN_DATA_HALF;
    case Dtype::kBFloat16:
      return CUDNN_DATA_BFLOAT16;
    case Dtype::kFloat32:
      return CUDNN_DATA_FLOAT;
    case Dtype::kFloat64:
      return CUDNN_DATA_DOUBLE;
    default:
      throw DtypeError(operation, ": computes in float32, float64, float16 and bfloat16, found ", dtype,
                       ". Convert with cast(x, Dtype::kFloat32).");
  }
}

gpu::AlgorithmCache& cudnn_algorithms(Device device) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<gpu::AlgorithmCache>> caches;
  const std::string file = cache_file(device).string(), key = file.empty() ? std::to_string(device.index) : file;
  const std::lock_guard lock(mutex);
  std::unique_ptr<gpu::AlgorithmCache>& cache = caches[key];
  if (!cache) cache = std::make_unique<gpu::AlgorithmCache>(file);
  return *cache;
}

}  // namespace rensa::cuda
