#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>

#include "comm/communicators/communicator.h"
#include "core/device/gpu/driver.h"

namespace rensa::nccl {

/// What rank 0 makes and tells the others, so that they find each other.
using UniqueId = std::array<char, 128>;

/// ncclResult_t.
enum class Result {
  kSuccess,
  kUnhandledCudaError,
  kSystemError,
  kInternalError,
  kInvalidArgument,
  kInvalidUsage,
  kRemoteError,
  kInProgress  ///< goes on in the background: ask state() until it says something else
};

/// This rank's end of an NCCL communicator. Calls put work into a stream and return: the host does not wait. All ranks
/// make the same calls in the same order. Counts are elements; `in` may be `out`, or this rank's part of it.
///
/// Calls may be made by one thread at a time; state() and abort() by another meanwhile.
class Endpoint {
 public:
  virtual ~Endpoint() = default;  ///< after finalize() has succeeded, or after abort()

  virtual Result state() = 0;            ///< ncclCommGetAsyncError
  virtual std::string last_error() = 0;  ///< NCCL's words about the last failure; may be empty
  virtual Result finalize() = 0;         ///< sends what is left; a call on all ranks together
  virtual Result abort() = 0;            ///< ends kernels that wait for other ranks; their results are worth nothing

  virtual Result all_reduce(const void* in, void* out, std::size_t count, Dtype dtype, Reduce op,
                            gpu::StreamHandle stream) = 0;
  virtual Result reduce(const void* in, void* out, std::size_t count, Dtype dtype, Reduce op, int root,
                        gpu::StreamHandle stream) = 0;
  virtual Result broadcast(const void* in, void* out, std::size_t count, Dtype dtype, int root,
                           gpu::StreamHandle stream) = 0;
  /// `count` of a part.
  virtual Result reduce_scatter(const void* in, void* out, std::size_t count, Dtype dtype, Reduce op,
                                gpu::StreamHandle stream) = 0;
  virtual Result all_gather(const void* in, void* out, std::size_t count, Dtype dtype, gpu::StreamHandle stream) = 0;
  virtual Result send(const void* in, std::size_t count, Dtype dtype, int peer, gpu::StreamHandle stream) = 0;
  virtual Result recv(void* out, std::size_t count, Dtype dtype, int peer, gpu::StreamHandle stream) = 0;

  /// From now on NCCL may let others reach this memory directly. Null: it cannot.
  virtual void* register_memory(void* data, std::size_t bytes) = 0;
  virtual void deregister_memory(void* handle) = 0;
};

/// The few calls of NCCL that communicators are made of: the library's own, or those that tests simulate.
class Api {
 public:
  virtual ~Api() = default;
  virtual int version() const = 0;  ///< 22809 is 2.28.9
  virtual UniqueId make_unique_id() = 0;
  /// Begins to join `size` ranks on this rank's GPU; done when state() says so. Throws CommError if it cannot begin.
  virtual std::unique_ptr<Endpoint> join(const UniqueId& id, int rank, int size, int device) = 0;
  /// What this thread calls between the two is launched as one, so that messages to and from many ranks do not wait for
  /// each other.
  virtual void begin_group() = 0;
  virtual Result end_group() = 0;
  virtual std::string describe(Result result) const = 0;
};

/// "2.28.9".
std::string version_text(int version);

/// NCCL in this process: the plug-in librensa_nccl is opened at the first call. Throws DeviceError that says what is
/// missing.
Api& api();

/// What the plug-in calls when it is loaded: how its API is made.
void register_api(std::unique_ptr<Api> (*make)());
/// Puts `replacement` in the place of NCCL; null: the plug-in's again. Nothing may be in use. For tests.
void replace_api(std::unique_ptr<Api> replacement);

/// What `rensa doctor` asks: never throws.
struct Availability {
  int version = 0;          ///< 0: none
  std::string description;  ///< "NCCL 2.28.9", or why there is none
};
Availability availability() noexcept;

}  // namespace rensa::nccl
