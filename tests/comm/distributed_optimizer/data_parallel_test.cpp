#include "comm/distributed_optimizer.h"

#include <gtest/gtest.h>

#include "comm/shm/thread_group.h"
#include "tests/support/data_parallel_training.h"

namespace rensa {
namespace {

const rensa::testing::DataParallelTask kMlp = rensa::testing::mlp_task();

class DataParallelTest : public ::testing::TestWithParam<int> {};

TEST_P(DataParallelTest, RanksTrainLikeOneRankOnTheWholeBatch) {
  const auto alone = rensa::testing::train_alone(kMlp, Dtype::kFloat64, 50);
  run_on_threads(GetParam(), [&](Communicator& comm) {
    rensa::testing::expect_same_losses(rensa::testing::train(kMlp, comm, Dtype::kFloat64, 50), alone, 1e-10);
  });
  const auto alone_f32 = rensa::testing::train_alone(kMlp, Dtype::kFloat32, 10);
  run_on_threads(GetParam(), [&](Communicator& comm) {
    rensa::testing::expect_same_losses(rensa::testing::train(kMlp, comm, Dtype::kFloat32, 10), alone_f32, 1e-5);
  });
}

TEST_P(DataParallelTest, RanksTrainAConvolutionalNetworkLikeOneRank) {
  const auto task = rensa::testing::conv_net_task();
  const auto alone = rensa::testing::train_alone(task, Dtype::kFloat64, 50);
  const auto alone_f32 = rensa::testing::train_alone(task, Dtype::kFloat32, 10);
  run_on_threads(GetParam(), [&](Communicator& comm) {
    rensa::testing::expect_same_losses(rensa::testing::train(task, comm, Dtype::kFloat64, 50), alone, 1e-10);
    rensa::testing::expect_same_losses(rensa::testing::train(task, comm, Dtype::kFloat32, 10), alone_f32, 1e-5);
  });
}

TEST_P(DataParallelTest, OverlapChangesNoBit) {
  auto without = kMlp;
  without.reducer.overlap = false;
  run_on_threads(GetParam(), [&](Communicator& comm) {
    EXPECT_EQ(rensa::testing::train(kMlp, comm, Dtype::kFloat32, 5),
              rensa::testing::train(without, comm, Dtype::kFloat32, 5));
  });
}

TEST_P(DataParallelTest, CarryingOverChangesNoBit) {
  auto carried = kMlp;
  carried.reducer.carry_over = true;
  for (const auto& task : {carried, rensa::testing::conv_net_task()}) {
    auto plain = task, other = task;
    plain.reducer.carry_over = false;
    other.reducer.carry_over = true;
    run_on_threads(GetParam(), [&](Communicator& comm) {
      EXPECT_EQ(rensa::testing::train(other, comm, Dtype::kFloat32, 12),
                rensa::testing::train(plain, comm, Dtype::kFloat32, 12));
    });
  }
}

INSTANTIATE_TEST_SUITE_P(Ranks, DataParallelTest, ::testing::Values(1, 2, 3, 4));

}  // namespace
}  // namespace rensa
