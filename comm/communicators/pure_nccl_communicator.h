#pragma once

#include <string>
#include <string_view>

#include "comm/communicators/composed_communicator.h"

namespace rensa {

/// NCCL for all arrays on GPUs, between the ranks of a node and between nodes. What lies on the host (counters, bytes,
/// objects) goes the whole's way.
class PureNcclCommunicator final : public ComposedCommunicator {
 public:
  /// Throws DeviceError that names a rank without NCCL or without a GPU. A call on all ranks together.
  static void check_that_all_have_it(Communicator& whole);
  /// Throws DeviceError if `what` is on the CPU and the communicator `name` is this one: it would go through MPI, which
  /// is not what was asked for.
  static void check_carries(std::string_view name, Device device, const std::string& what);

  explicit PureNcclCommunicator(std::unique_ptr<Communicator> whole) : ComposedCommunicator(std::move(whole)) {
    carry_gpu_arrays(GpuWay::kNccl);
  }
  std::string_view name() const override { return "pure_nccl"; }

 private:
  std::unique_ptr<Communicator> compose(std::unique_ptr<Communicator> whole) const override {
    return std::make_unique<PureNcclCommunicator>(std::move(whole));
  }
};

}  // namespace rensa
