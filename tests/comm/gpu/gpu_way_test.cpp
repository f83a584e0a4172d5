#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/array_messages.h"
#include "comm/links/communicator_statistics.h"
#include "comm/shm/thread_group.h"
#include "tests/comm/gpu/nccl_ranks.h"

namespace rensa::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> launched_by(const std::string& name, int ranks, int ranks_per_node) {
  SimulatedGpus gpus(ranks);
  NcclScope nccl;
  run_on_threads(ranks,
                 [&](Communicator& threads) {
                   const auto comm = make(name, threads);
                   const Array x = full({400}, comm->rank() + 1, Dtype::kFloat32, gpu_of(*comm));
                   comm->all_reduce(x, Reduce::kMean);
                   EXPECT_THAT(values(x), Each(static_cast<float>(ranks + 1) / 2));
                 },
                 {.ranks_per_node = ranks_per_node});
  return calls_of(nccl->record(), 0);
}

TEST(GpuWayTest, IsWhatTheNamesOfChainerMnSay) {
  EXPECT_THAT(launched_by("pure_nccl", 4, 2), ElementsAre("all_reduce of 400 float32"));
  EXPECT_THAT(launched_by("auto", 4, 2), ElementsAre("all_reduce of 400 float32"));
  EXPECT_THAT(launched_by("single_node", 4, 4), ElementsAre("all_reduce of 400 float32"));
  EXPECT_THAT(launched_by("hierarchical", 4, 4), ElementsAre("all_reduce of 400 float32"));
  for (const char* name : {"hierarchical", "non_cuda_aware"}) {
    EXPECT_THAT(launched_by(name, 4, 2), ElementsAre("reduce of 400 float32", "broadcast of 400 float32")) << name;
  }
  EXPECT_THAT(launched_by("two_dimensional", 4, 2),
              ElementsAre("reduce_scatter of 200 float32", "all_gather of 200 float32"));
  EXPECT_THAT(launched_by("flat", 4, 2), IsEmpty());
  EXPECT_THAT(launched_by("naive", 4, 2), IsEmpty());
}

TEST(GpuWayTest, ArraysOfAnyShapeArriveOnTheGpuOfTheirRank) {
  SimulatedGpus gpus(3);
  NcclScope nccl;
  for (const char* name : {"pure_nccl", "flat"}) {
    run_on_threads(3, [&](Communicator& threads) {
      const auto comm = make(name, threads);
      const int rank = comm->rank();
      const Array mine = full({rank + 1, 2}, rank, Dtype::kFloat32, gpu_of(*comm));
      const Array from_root = broadcast_array(*comm, rank == 2 ? mine : Array(), 2);
      EXPECT_EQ(from_root.device(), gpu_of(*comm));
      EXPECT_EQ(values(from_root), std::vector<float>(6, 2.0f));
      const std::vector<Array> all = all_gather_arrays(*comm, mine);
      for (int r = 0; r < 3; ++r) {
        EXPECT_EQ(values(all[static_cast<std::size_t>(r)]),
                  std::vector<float>(static_cast<std::size_t>(2 * r + 2), static_cast<float>(r)));
      }
      if (rank == 0) send_array(*comm, mine, 1);
      if (rank == 1) {
        const Array got = recv_array(*comm, 0);
        EXPECT_EQ(got.device(), gpu_of(*comm));
        EXPECT_THAT(values(got), Each(0.0f));
      }
    });
  }
}

TEST(GpuWayTest, ArraysWithGapsKeepWhatLiesBetween) {
  SimulatedGpus gpus(2);
  NcclScope nccl;
  for (const char* name : {"pure_nccl", "flat"}) {
    run_on_threads(2, [&](Communicator& threads) {
      const auto comm = make(name, threads);
      const Array whole = full({6, 4}, -1, Dtype::kFloat32, gpu_of(*comm)), x = whole.slice(0, {.step = 2});
      x.fill(comm->rank() + 1);
      comm->all_reduce(x);
      EXPECT_THAT(values(x), Each(3.0f));
      EXPECT_THAT(values(whole.slice(0, {.start = 1, .step = 2})), Each(-1.0f));
    });
  }
}

TEST(GpuStatisticsTest, AreThoseOfTheHost) {
  SimulatedGpus gpus(3);
  NcclScope nccl;
  run_on_threads(3, [&](Communicator& threads) {
    const auto comm = make("pure_nccl", threads);
    CommunicatorStatistics statistics(*comm);
    const std::int64_t count = 4 * comm->rank();  // rank 0 has nothing
    const Array mean = array<double>({1.0 + comm->rank(), -2.0 * comm->rank()}, {2}),
                var = array<double>({0.5, 2.0 + comm->rank()}, {2});
    const Array gpu_mean = mean.to(gpu_of(*comm)), gpu_var = var.to(gpu_of(*comm));
    EXPECT_EQ(statistics.merge(mean, var, count), 12);
    EXPECT_EQ(statistics.merge(gpu_mean, gpu_var, count), 12);
    for (std::size_t c = 0; c < 2; ++c) {
      EXPECT_NEAR(to_vector<double>(gpu_mean.to(Device{}))[c], to_vector<double>(mean)[c], 1e-12);
      EXPECT_NEAR(to_vector<double>(gpu_var.to(Device{}))[c], to_vector<double>(var)[c], 1e-12);
    }
  });
}

}  // namespace
}  // namespace rensa::testing
