#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "comm/gpu/nccl_api.h"

namespace rensa::testing {

/// What goes wrong in a simulated NCCL, by rank and by the number of a call on its communicator, from 1.
struct NcclFaults {
  /// Runs in the stream before a rank's call begins: to delay it.
  std::function<void(int rank, std::uint64_t call)> before_call;
  /// Never begins until it is aborted.
  std::function<bool(int rank, std::uint64_t call)> hangs;
  /// What state() says once so many calls have been launched.
  std::function<nccl::Result(int rank, std::uint64_t launched)> error;
  /// This rank never joins.
  std::function<bool(int rank)> stays_away;
  /// Asks of state() that a launch takes until it is in the stream.
  int asks_per_launch = 0;
};

/// Everything that was launched and counted, by all ranks.
struct NcclRecord {
  struct Launch {
    int device;
    std::string call;  ///< "all_reduce of 100 float32", or "group of 4"
    gpu::StreamHandle stream;
    std::size_t count;
    Dtype dtype;
  };
  std::vector<Launch> launches;  ///< of each rank in its order
  int joined = 0, finalized = 0, aborted = 0, registered = 0;
};

/// NCCL simulated in main memory, for ranks that are threads: calls meet inside the streams of RunningDriver, in the
/// order in which each rank launched them, as the library's kernels do. A call that ranks do not make alike ends with
/// an error.
class SimulatedNccl final : public nccl::Api {
 public:
  int version() const override { return version_; }
  nccl::UniqueId make_unique_id() override;
  std::unique_ptr<nccl::Endpoint> join(const nccl::UniqueId& id, int rank, int size, int device) override;
  void begin_group() override;
  nccl::Result end_group() override;
  std::string describe(nccl::Result result) const override;

  struct World;
  struct Shared {
    std::mutex mutex;
    NcclFaults faults;
    NcclRecord record;
    bool moves = true;  ///< false: the memory is never touched, for counts that no machine has room for
  };
  Shared& shared() { return *shared_; }
  NcclRecord record() const;
  void set_version(int version) { version_ = version; }

 private:
  int version_ = 22809;
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<World>> worlds_;
  std::uint64_t ids_ = 0;
};

/// A simulated NCCL in the place of the library for as long as it lives.
class NcclScope {
 public:
  NcclScope() {
    auto made = std::make_unique<SimulatedNccl>();
    nccl_ = made.get();
    nccl::replace_api(std::move(made));
  }
  ~NcclScope() { nccl::replace_api(nullptr); }
  NcclScope(const NcclScope&) = delete;
  NcclScope& operator=(const NcclScope&) = delete;
  SimulatedNccl* operator->() { return nccl_; }

 private:
  SimulatedNccl* nccl_;
};

}  // namespace rensa::testing
