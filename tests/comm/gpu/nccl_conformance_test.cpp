#include <gtest/gtest.h>

#include "comm/communicators/create_communicator.h"
#include "comm/shm/thread_group.h"
#include "core/error.h"
#include "tests/comm/gpu/on_gpus_communicator.h"
#include "tests/comm/gpu/simulated_gpus.h"
#include "tests/comm/gpu/simulated_nccl.h"
#include "tests/conformance/conformance.h"
#include "tests/conformance/lifetimes.h"

// What every communicator is asked, with arrays on simulated GPUs, one for each rank, and a simulated NCCL.

namespace rensa {
namespace {

struct Cluster {
  int ranks, ranks_per_node;
  std::string name;
};

/// On one node hierarchical and the others are single_node: asked there once.
std::vector<Cluster> clusters() {
  std::vector<Cluster> all = {
      {2, 2, "single_node"}, {3, 3, "single_node"}, {2, 2, "pure_nccl"}, {3, 2, "hierarchical"}};
  for (const char* name : {"pure_nccl", "auto", "hierarchical", "two_dimensional", "non_cuda_aware", "flat", "naive"}) {
    all.push_back({4, 2, name});
  }
  return all;
}

using Question = std::tuple<Cluster, std::size_t>;

class NcclConformanceTest : public ::testing::TestWithParam<Question> {};

TEST_P(NcclConformanceTest, DoesWhatEveryCommunicatorDoes) {
  const auto& [cluster, check] = GetParam();
  const rensa::testing::SimulatedGpus gpus(cluster.ranks);
  const rensa::testing::NcclScope nccl;
  run_on_threads(cluster.ranks,
                 [number = check, name = cluster.name](Communicator& threads) {
                   const Device device{DeviceKind::kCuda, threads.rank()};
                   rensa::testing::OnGpusCommunicator comm(
                       compose_communicator(name, threads.split(0, threads.rank()), /*deterministic=*/true), device);
                   SCOPED_TRACE(detail::join("on rank ", comm.rank()));
                   rensa::testing::conformance_checks()[number].run(comm);
                 },
                 {.ranks_per_node = cluster.ranks_per_node, .timeout_s = 60});
}

std::string name_of(const ::testing::TestParamInfo<Question>& each) {
  const auto& [cluster, check] = each.param;
  return detail::join(cluster.name, "_", cluster.ranks, "_on_nodes_of_", cluster.ranks_per_node, "_",
                      rensa::testing::conformance_checks()[check].name);
}

INSTANTIATE_TEST_SUITE_P(SimulatedGpus, NcclConformanceTest,
                         ::testing::Combine(::testing::ValuesIn(clusters()),
                                            ::testing::ValuesIn(rensa::testing::conformance_checks_for_gpus())),
                         name_of);

class NcclLifetimeTest : public ::testing::TestWithParam<std::string> {};

TEST_P(NcclLifetimeTest, CommunicatorsLeaveNothing) {
  rensa::testing::SimulatedGpus gpus(4);
  rensa::testing::NcclScope nccl;
  run_on_threads(4,
                 [&](Communicator& job) {
                   rensa::testing::expect_nothing_is_left(job, job.rank() == 0, 15, [&] {
                     rensa::testing::OnGpusCommunicator comm(
                         compose_communicator(GetParam(), job.split(0, job.rank()), true),
                         Device{DeviceKind::kCuda, job.rank()});
                     rensa::testing::use_everything(comm);
                     const std::lock_guard lock(nccl->shared().mutex);
                     nccl->shared().record.launches.clear();
                   });
                 },
                 {.ranks_per_node = 2});
  EXPECT_EQ(nccl->record().finalized, nccl->record().joined);
  EXPECT_EQ(nccl->record().aborted, 0);
}

INSTANTIATE_TEST_SUITE_P(SimulatedGpus, NcclLifetimeTest, ::testing::Values("pure_nccl", "hierarchical"),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace rensa
