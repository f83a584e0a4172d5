#include "comm/distributed_optimizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/shm/thread_group.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/reduction.h"
#include "core/models/mlp.h"
#include "core/optimizers/sgd.h"
#include "tests/support/data_parallel_training.h"

namespace rensa {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

const rensa::testing::DataParallelTask kMlp = {
    .make_model =
        [](Dtype dtype) {
          return std::make_unique<models::Mlp>(models::MlpOptions{.in = 20, .units = 40, .out = 10, .dtype = dtype});
        },
    .sample = {20}};

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

INSTANTIATE_TEST_SUITE_P(Ranks, DataParallelTest, ::testing::Values(1, 2, 3, 4));

/// Two weights, of which a step may use one.
struct Branches : Link {
  Parameter left{{4}, init::zeros()}, right{{4}, init::zeros()};
  Branches() {
    add("left", left);
    add("right", right);
  }
};

TEST(DistributedOptimizerTest, AnUnusedParameterCountsAsZeros) {
  run_on_threads(2, [](Communicator& comm) {
    Branches model;
    DistributedOptimizer optimizer(Sgd({.lr = 1}), comm);
    optimizer.setup(model);
    for (int step = 0; step < 3; ++step) {
      functions::sum(comm.rank() == 0 ? model.left * 2 : model.right * 4).backward();
      optimizer.update();
    }
    EXPECT_THAT(to_vector<float>(model.left.array()), Each(-3.0f));   // 3 × mean(2, 0)
    EXPECT_THAT(to_vector<float>(model.right.array()), Each(-6.0f));  // 3 × mean(0, 4)
  });
}

TEST(DistributedOptimizerTest, AllRanksStartWithTheWeightsOfRank0) {
  run_on_threads(3, [](Communicator& comm) {
    Branches model;
    model.left.array().fill(comm.rank() + 5);
    DistributedOptimizer optimizer(Sgd({.lr = 1}), comm);
    optimizer.setup(model);
    EXPECT_THAT(to_vector<float>(model.left.array()), Each(5.0f));
  });
}

TEST(DistributedOptimizerTest, RefusesASecondBackwardThatCouldComeTooLate) {
  EXPECT_THAT(
      [] {
        run_on_threads(2, [](Communicator& comm) {
          Branches model;
          DistributedOptimizer optimizer(Sgd({.lr = 1}), comm);
          optimizer.setup(model);
          functions::sum(model.left * 2).backward();
          functions::sum(model.left * 2).backward();
        });
      },
      ThrowsMessage<GraphError>(HasSubstr("switch overlap off")));
}

TEST(DistributedOptimizerTest, AddsUpSeveralBackwardsWithoutOverlap) {
  run_on_threads(2, [](Communicator& comm) {
    Branches model;
    DistributedOptimizer optimizer(Sgd({.lr = 1}), comm, {.overlap = false});
    optimizer.setup(model);
    functions::sum(model.left * 2).backward();
    functions::sum(model.left * 4).backward();
    optimizer.update();
    EXPECT_THAT(to_vector<float>(model.left.array()), Each(-6.0f));
  });
}

TEST(DistributedOptimizerTest, ParametersThatTakeTheirShapeLateJoinEverywhere) {
  struct Late : Link {
    Parameter W{init::normal(1)};
    Late() { add("W", W); }
  };
  run_on_threads(2, [](Communicator& comm) {
    seed_parameters(static_cast<std::uint64_t>(comm.rank()));
    Late model;
    DistributedOptimizer optimizer(Sgd({.lr = 1}), comm);
    optimizer.setup(model);
    model.W.initialize({3});
    Array all = empty({2, 3});
    for (int step = 0; step < 2; ++step) {
      functions::sum(model.W * (comm.rank() + 1.0)).backward();
      optimizer.update();
      comm.all_gather(model.W.array().contiguous(), all);
      EXPECT_EQ(to_vector<float>(all.select(0, 0)), to_vector<float>(all.select(0, 1)));
    }
  });
}

TEST(DistributedOptimizerTest, NamesTheParameterThatDiffersBetweenRanks) {
  EXPECT_THAT(
      [] {
        run_on_threads(2, [](Communicator& comm) {
          models::Mlp model({.in = 4, .units = 3 + comm.rank(), .out = 2});
          DistributedOptimizer optimizer(Sgd({.lr = 1}), comm);
          optimizer.setup(model);
        });
      },
      ThrowsMessage<CommError>(AllOf(HasSubstr("(2, 4)"), HasSubstr("(2, 3)"))));
}

}  // namespace
}  // namespace rensa
