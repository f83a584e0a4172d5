#include <cuda_runtime_api.h>
#include <nccl.h>

#include <cstring>
#include <utility>

#include "comm/gpu/nccl_api.h"
#include "core/error.h"

// NCCL itself, for the plug-in librensa_nccl.

namespace rensa::nccl {
namespace {

static_assert(sizeof(UniqueId) == sizeof(ncclUniqueId));

Result result_of(ncclResult_t result) {
  switch (result) {
    case ncclSuccess:
      return Result::kSuccess;
    case ncclUnhandledCudaError:
      return Result::kUnhandledCudaError;
    case ncclSystemError:
      return Result::kSystemError;
    case ncclInvalidArgument:
      return Result::kInvalidArgument;
    case ncclInvalidUsage:
      return Result::kInvalidUsage;
    case ncclRemoteError:
      return Result::kRemoteError;
    case ncclInProgress:
      return Result::kInProgress;
    default:
      return Result::kInternalError;
  }
}

ncclResult_t result_of(Result result) {
  switch (result) {
    case Result::kSuccess:
      return ncclSuccess;
    case Result::kUnhandledCudaError:
      return ncclUnhandledCudaError;
    case Result::kSystemError:
      return ncclSystemError;
    case Result::kInternalError:
      return ncclInternalError;
    case Result::kInvalidArgument:
      return ncclInvalidArgument;
    case Result::kInvalidUsage:
      return ncclInvalidUsage;
    case Result::kRemoteError:
      return ncclRemoteError;
    case Result::kInProgress:
      return ncclInProgress;
  }
  return ncclInternalError;
}

ncclDataType_t type_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::kFloat32:
      return ncclFloat32;
    case Dtype::kFloat64:
      return ncclFloat64;
    case Dtype::kFloat16:
      return ncclFloat16;
    case Dtype::kBFloat16:
      return ncclBfloat16;
    case Dtype::kInt8:
      return ncclInt8;
    case Dtype::kInt32:
      return ncclInt32;
    case Dtype::kInt64:
      return ncclInt64;
    case Dtype::kUInt8:
    case Dtype::kBool:
      break;  // which is only moved
  }
  return ncclUint8;
}

/// NCCL's mean multiplies by 1 / size before it sums.
ncclRedOp_t op_of(Reduce op) {
  switch (op) {
    case Reduce::kSum:
      return ncclSum;
    case Reduce::kMean:
      return ncclAvg;
    case Reduce::kMax:
      return ncclMax;
    case Reduce::kMin:
      return ncclMin;
    case Reduce::kProduct:
      return ncclProd;
  }
  return ncclSum;
}

class LibraryEndpoint final : public Endpoint {
 public:
  LibraryEndpoint(const ncclUniqueId& id, int rank, int size, int device) : device_(device) {
    const OnDevice here(device_);
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    config.commName = "rensa";
    const ncclResult_t result = ncclCommInitRankConfig(&comm_, size, id, rank, &config);
    if (result == ncclSuccess || result == ncclInProgress) return;
    const std::string words = last_error();
    if (comm_) ncclCommAbort(comm_);
    throw CommError("NCCL cannot begin to join the ranks: ", ncclGetErrorString(result), words.empty() ? "" : " (",
                    words, words.empty() ? "" : ")", ". NCCL_DEBUG=INFO tells more.");
  }
  LibraryEndpoint(const LibraryEndpoint&) = delete;
  LibraryEndpoint& operator=(const LibraryEndpoint&) = delete;
  ~LibraryEndpoint() override {
    const OnDevice here(device_);
    if (comm_) ncclCommDestroy(comm_);
  }

  Result state() override {
    ncclResult_t state = ncclSuccess;
    const ncclResult_t result = ncclCommGetAsyncError(comm_, &state);
    return result_of(result == ncclSuccess ? state : result);
  }
  std::string last_error() override {
    const char* const text = ncclGetLastError(comm_);
    return text ? text : "";
  }
  Result finalize() override {
    const OnDevice here(device_);
    return result_of(ncclCommFinalize(comm_));
  }
  Result abort() override {
    const OnDevice here(device_);
    return result_of(ncclCommAbort(std::exchange(comm_, nullptr)));
  }

  Result all_reduce(const void* in, void* out, std::size_t count, Dtype dtype, Reduce op,
                    gpu::StreamHandle stream) override {
    const OnDevice here(device_);
    return result_of(ncclAllReduce(in, out, count, type_of(dtype), op_of(op), comm_, queue(stream)));
  }
  Result reduce(const void* in, void* out, std::size_t count, Dtype dtype, Reduce op, int root,
                gpu::StreamHandle stream) override {
    const OnDevice here(device_);
    return result_of(ncclReduce(in, out, count, type_of(dtype), op_of(op), root, comm_, queue(stream)));
  }
  Result broadcast(const void* in, void* out, std::size_t count, Dtype dtype, int root,
                   gpu::StreamHandle stream) override {
    const OnDevice here(device_);
    return result_of(ncclBroadcast(in, out, count, type_of(dtype), root, comm_, queue(stream)));
  }
  Result reduce_scatter(const void* in, void* out, std::size_t count, Dtype dtype, Reduce op,
                        gpu::StreamHandle stream) override {
    const OnDevice here(device_);
    return result_of(ncclReduceScatter(in, out, count, type_of(dtype), op_of(op), comm_, queue(stream)));
  }
  Result all_gather(const void* in, void* out, std::size_t count, Dtype dtype, gpu::StreamHandle stream) override {
    const OnDevice here(device_);
    return result_of(ncclAllGather(in, out, count, type_of(dtype), comm_, queue(stream)));
  }
  Result send(const void* in, std::size_t count, Dtype dtype, int peer, gpu::StreamHandle stream) override {
    const OnDevice here(device_);
    return result_of(ncclSend(in, count, type_of(dtype), peer, comm_, queue(stream)));
  }
  Result recv(void* out, std::size_t count, Dtype dtype, int peer, gpu::StreamHandle stream) override {
    const OnDevice here(device_);
    return result_of(ncclRecv(out, count, type_of(dtype), peer, comm_, queue(stream)));
  }

  void* register_memory(void* data, std::size_t bytes) override {
    const OnDevice here(device_);
    void* handle = nullptr;
    return ncclCommRegister(comm_, data, bytes, &handle) == ncclSuccess ? handle : nullptr;
  }
  void deregister_memory(void* handle) override {
    const OnDevice here(device_);
    if (comm_) ncclCommDeregister(comm_, handle);
  }

 private:
  /// NCCL works on the calling thread's device, which is the program's again behind it.
  class OnDevice {
   public:
    explicit OnDevice(int device) {
      cudaGetDevice(&before_);
      if (before_ == device)
        before_ = -1;
      else
        cudaSetDevice(device);
    }
    ~OnDevice() {
      if (before_ >= 0) cudaSetDevice(before_);
    }
    OnDevice(const OnDevice&) = delete;
    OnDevice& operator=(const OnDevice&) = delete;

   private:
    int before_ = -1;
  };
  static cudaStream_t queue(gpu::StreamHandle stream) { return static_cast<cudaStream_t>(stream); }

  const int device_;
  ncclComm_t comm_ = nullptr;
};

class Library final : public Api {
 public:
  int version() const override {
    int version = 0;
    ncclGetVersion(&version);
    return version;
  }
  UniqueId make_unique_id() override {
    ncclUniqueId id;
    const ncclResult_t result = ncclGetUniqueId(&id);
    if (result != ncclSuccess) {
      throw CommError("NCCL cannot make an identity for a communicator: ", ncclGetErrorString(result),
                      ". NCCL_SOCKET_IFNAME chooses the network, NCCL_DEBUG=INFO tells more.");
    }
    UniqueId bytes;
    std::memcpy(bytes.data(), &id, sizeof id);
    return bytes;
  }
  std::unique_ptr<Endpoint> join(const UniqueId& id, int rank, int size, int device) override {
    ncclUniqueId theirs;
    std::memcpy(&theirs, id.data(), sizeof theirs);
    return std::make_unique<LibraryEndpoint>(theirs, rank, size, device);
  }
  void begin_group() override { ncclGroupStart(); }
  Result end_group() override { return result_of(ncclGroupEnd()); }
  std::string describe(Result result) const override { return ncclGetErrorString(result_of(result)); }
};

const bool registered = [] {
  register_api([]() -> std::unique_ptr<Api> { return std::make_unique<Library>(); });
  return true;
}();

}  // namespace
}  // namespace rensa::nccl

extern "C" const char* rensa_plugin_version() { return RENSA_VERSION; }
