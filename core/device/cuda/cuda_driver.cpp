#include <cuda_runtime_api.h>
#include <cudnn.h>

#include "core/device/cuda/check.h"
#include "core/device/cuda/current_device.h"
#include "core/device/gpu/driver.h"

namespace rensa::cuda {
namespace {

cudaStream_t stream_of(gpu::StreamHandle handle) { return static_cast<cudaStream_t>(handle); }
cudaEvent_t event_of(gpu::EventHandle handle) { return static_cast<cudaEvent_t>(handle); }

std::string as_version(int number) { return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10); }

class CudaDriver final : public gpu::Driver {
 public:
  CudaDriver() {
    const cudaError_t status = cudaGetDeviceCount(&devices_);
    if (status == cudaSuccess) return;
    devices_ = 0;
    problem_ = cudaGetErrorString(status);
    cudaGetLastError();  // or the next check would find it
  }

  std::string description() const override {
    int driver = 0, runtime = 0;
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    const std::size_t cudnn = cudnnGetVersion();
    return "CUDA driver " + (driver ? as_version(driver) : "none") + ", runtime " + as_version(runtime) + ", cuDNN " +
           std::to_string(cudnn / 10000) + "." + std::to_string(cudnn % 10000 / 100) +
           (problem_.empty() ? "" : ": " + problem_);
  }
  int device_count() const override { return devices_; }

  gpu::DeviceFacts facts(int device) const override {
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
    char bus[32] = "";
    check(cudaDeviceGetPCIBusId(bus, sizeof bus, device), "cudaDeviceGetPCIBusId");
    return {.name = properties.name,
            .major = properties.major,
            .minor = properties.minor,
            .multiprocessors = properties.multiProcessorCount,
            .memory_bytes = properties.totalGlobalMem,
            .bus = bus};
  }
  gpu::MemoryOfDevice memory(int device) const override {
    make_current(device);
    gpu::MemoryOfDevice found;
    check(cudaMemGetInfo(&found.free_bytes, &found.total_bytes), "cudaMemGetInfo");
    return found;
  }

  void use(int device) override { make_current(device); }

  void* allocate(int device, std::size_t bytes) override {
    make_current(device);
    return or_null([&](void** data) { return cudaMalloc(data, bytes); }, "cudaMalloc");
  }
  void release(int device, void* data) noexcept override {
    cudaSetDevice(device);
    forget_current();
    cudaFree(data);
  }
  void* allocate_pinned(std::size_t bytes) override {
    return or_null([&](void** data) { return cudaHostAlloc(data, bytes, cudaHostAllocPortable); }, "cudaHostAlloc");
  }
  void release_pinned(void* data) noexcept override { cudaFreeHost(data); }

  gpu::StreamHandle create_stream(int device, bool high_priority) override {
    make_current(device);
    int least = 0, greatest = 0;
    check(cudaDeviceGetStreamPriorityRange(&least, &greatest), "cudaDeviceGetStreamPriorityRange");
    cudaStream_t stream = nullptr;
    check(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, high_priority ? greatest : least),
          "cudaStreamCreateWithPriority");
    return stream;
  }
  void synchronize(int device, gpu::StreamHandle stream) override {
    make_current(device);
    check(cudaStreamSynchronize(stream_of(stream)), "cudaStreamSynchronize");
  }
  gpu::EventHandle create_event(int device, bool timed) override {
    make_current(device);
    cudaEvent_t event = nullptr;
    check(cudaEventCreateWithFlags(&event, timed ? cudaEventDefault : cudaEventDisableTiming),
          "cudaEventCreateWithFlags");
    return event;
  }
  void destroy_event(int, gpu::EventHandle event) noexcept override { cudaEventDestroy(event_of(event)); }
  void record(int device, gpu::EventHandle event, gpu::StreamHandle stream) override {
    make_current(device);
    check(cudaEventRecord(event_of(event), stream_of(stream)), "cudaEventRecord");
  }
  void wait(int device, gpu::StreamHandle stream, gpu::EventHandle event) override {
    make_current(device);
    check(cudaStreamWaitEvent(stream_of(stream), event_of(event), 0), "cudaStreamWaitEvent");
  }
  // Asking for an event makes a context on the thread's current device too: without the next line a monitor's thread,
  // which asks for nothing else, would take some 500 MiB of GPU 0.
  bool has_happened(int device, gpu::EventHandle event) override {
    make_current(device);
    const cudaError_t status = cudaEventQuery(event_of(event));
    if (status == cudaErrorNotReady) {
      cudaGetLastError();
      return false;
    }
    check(status, "cudaEventQuery");
    return true;
  }
  void synchronize_event(int device, gpu::EventHandle event) override {
    make_current(device);
    check(cudaEventSynchronize(event_of(event)), "cudaEventSynchronize");
  }
  double milliseconds(int device, gpu::EventHandle from, gpu::EventHandle to) override {
    make_current(device);
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, event_of(from), event_of(to)), "cudaEventElapsedTime");
    return milliseconds;
  }

  void copy_to_device(int device, void* to, const void* from, std::size_t bytes, gpu::StreamHandle stream) override {
    copy(device, to, from, bytes, cudaMemcpyHostToDevice, stream);
  }
  void copy_to_host(int device, void* to, const void* from, std::size_t bytes, gpu::StreamHandle stream) override {
    copy(device, to, from, bytes, cudaMemcpyDeviceToHost, stream);
  }
  void copy_on_device(int device, void* to, const void* from, std::size_t bytes, gpu::StreamHandle stream) override {
    copy(device, to, from, bytes, cudaMemcpyDeviceToDevice, stream);
  }
  void copy_to_peer(int to_device, void* to, int from_device, const void* from, std::size_t bytes,
                    gpu::StreamHandle stream) override {
    make_current(from_device);
    check(cudaMemcpyPeerAsync(to, to_device, from, from_device, bytes, stream_of(stream)), "cudaMemcpyPeerAsync");
  }

 private:
  template <class Allocate>
  static void* or_null(const Allocate& allocate, const char* call) {
    void* data = nullptr;
    const cudaError_t status = allocate(&data);
    if (status == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      return nullptr;
    }
    check(status, call);
    return data;
  }
  static void copy(int device, void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                   gpu::StreamHandle stream) {
    make_current(device);
    check(cudaMemcpyAsync(to, from, bytes, kind, stream_of(stream)), "cudaMemcpyAsync");
  }

  int devices_ = 0;  // a failing cudaGetDeviceCount leaves it as it is
  std::string problem_;
};

const bool registered = [] {
  gpu::register_driver([]() -> std::unique_ptr<gpu::Driver> { return std::make_unique<CudaDriver>(); });
  return true;
}();

}  // namespace
}  // namespace rensa::cuda

extern "C" const char* rensa_plugin_version() { return RENSA_VERSION; }
