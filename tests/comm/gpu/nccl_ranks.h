#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "comm/communicators/create_communicator.h"
#include "core/device/gpu/stream.h"
#include "tests/comm/gpu/simulated_gpus.h"
#include "tests/comm/gpu/simulated_nccl.h"

// Threads as ranks, each with a simulated GPU, over a simulated NCCL: what the tests of the NCCL transport share.
namespace rensa::testing {

/// Each rank has a simulated GPU of its own.
inline Device gpu_of(const Communicator& comm) { return {DeviceKind::kCuda, comm.rank()}; }

/// The elements, wherever they are.
inline std::vector<float> values(const Array& x) { return to_vector<float>(x.to(Device{})); }

/// The communicator of that name over threads as ranks.
inline std::unique_ptr<Communicator> make(const std::string& name, Communicator& threads) {
  return compose_communicator(name, threads.split(0, threads.rank()), /*deterministic=*/true);
}

/// What rank `rank` has launched, in order.
inline std::vector<std::string> calls_of(const NcclRecord& record, int rank) {
  std::vector<std::string> calls;
  for (const NcclRecord::Launch& launch : record.launches) {
    if (launch.device == rank) calls.push_back(launch.call);
  }
  return calls;
}

/// Work that the test lets go on: what the host has done before did not wait for it.
class Gate {
 public:
  void open() { promise_.set_value(); }
  /// A kernel that waits for open() and then sets all elements.
  void fill(SimulatedGpus& gpus, const Array& x, float value) {
    auto* const to = static_cast<float*>(x.raw_data());
    gpus.driver().launch(gpu::current_stream(x.device()).handle, [this, to, value, count = x.size()] {
      const bool opened = future_.wait_for(std::chrono::seconds(30)) == std::future_status::ready;
      EXPECT_TRUE(opened) << "the host waits";
      std::fill_n(to, count, value);
    });
  }

 private:
  std::promise<void> promise_;
  std::shared_future<void> future_ = promise_.get_future().share();
};

}  // namespace rensa::testing
