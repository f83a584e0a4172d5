#include "comm/distributed_optimizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "comm/gradients/compression/gradient_compression.h"
#include "comm/shm/thread_group.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/reduction.h"
#include "core/links/linear.h"
#include "core/links/weight_hooks.h"
#include "core/models/mlp.h"
#include "core/optimizers/momentum_sgd.h"
#include "core/optimizers/sgd.h"
#include "core/serializers/npz.h"
#include "tests/support/data_parallel_training.h"

namespace rensa {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

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

struct Late : Link {
  Parameter W{init::normal(1)};
  Late() { add("W", W); }
};

TEST(DistributedOptimizerTest, ParametersThatTakeTheirShapeLateJoinEverywhere) {
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

TEST(DistributedOptimizerTest, AParameterMayTakeItsShapeOnSomeRanksOnly) {
  run_on_threads(3, [](Communicator& comm) {
    Late model;
    DistributedOptimizer optimizer(Sgd({.lr = 1}), comm);
    optimizer.setup(model);
    optimizer.update();  // nothing there yet
    if (comm.rank() == 1) {
      model.W.initialize({3});
      functions::sum(model.W * 6).backward();
    }
    optimizer.update();
    ASSERT_TRUE(model.W.is_initialized());
    const Array all = empty({3, 3});
    comm.all_gather(model.W.array().contiguous(), all);
    EXPECT_EQ(to_vector<float>(all.select(0, 0)), to_vector<float>(all.select(0, 1)));
    EXPECT_EQ(to_vector<float>(all.select(0, 0)), to_vector<float>(all.select(0, 2)));
  });
}

TEST(DistributedOptimizerTest, WhatASnapshotMeetsFirstJoinsEverywhere) {
  for (const bool everywhere : {true, false}) {
    run_on_threads(2,
                   [&](Communicator& comm) {
                     seed_parameters(static_cast<std::uint64_t>(comm.rank()));
                     Late model;
                     DistributedOptimizer optimizer(Sgd({.lr = 1}), comm);
                     optimizer.setup(model);
                     if (everywhere || comm.rank() == 0)
                       model.W.initialize({3});  // an evaluation before the first step
                     NpzWriter writer;
                     optimizer.serialize(writer);
                     functions::sum(model.W * (comm.rank() + 1.0)).backward();
                     optimizer.update();
                     const Array all = empty({2, 3});
                     comm.all_gather(model.W.array().contiguous(), all);
                     EXPECT_EQ(to_vector<float>(all.select(0, 0)), to_vector<float>(all.select(0, 1)));
                   },
                   {.timeout_s = 20});
  }
}

TEST(DistributedOptimizerTest, SetupGivesShapesThatSomeRanksHaveToAll) {
  struct EagerAndLate : Late {
    Parameter v{Shape{2}, init::ones()};
    EagerAndLate() { add("v", v); }
  };
  for (const int zero : {0, 1, 2}) {
    SCOPED_TRACE(zero);
    run_on_threads(2,
                   [&](Communicator& comm) {
                     EagerAndLate model;
                     if (comm.rank() == 1) model.W.initialize({3});
                     DistributedOptimizer optimizer(Sgd({.lr = 1}), comm, {.zero = zero});
                     optimizer.setup(model);
                     EXPECT_EQ(model.W.shape(), Shape({3}));
                   },
                   {.timeout_s = 20});
  }
}

TEST(DistributedOptimizerTest, PersistentValuesThatTakeTheirShapeLateComeFromRank0) {
  for (const bool everywhere : {true, false}) {
    SCOPED_TRACE(everywhere ? "all ranks at once" : "rank 1 first");
    run_on_threads(2, [&](Communicator& comm) {
      seed_parameters(static_cast<std::uint64_t>(comm.rank()));
      Linear link({.in = kLazySize, .out = 2});
      link.add_hook(std::make_shared<SpectralNormalization>());
      DistributedOptimizer optimizer(Sgd({.lr = 0.1}), comm);
      optimizer.setup(link);
      for (int step = 0; step < 3; ++step) {
        const bool runs = everywhere || step > 0 || comm.rank() == 1;
        if (runs) functions::sum(link(Variable(ones({2, 3})))).backward();
        optimizer.update();
      }
      Array all = empty({2, 2});
      comm.all_gather(*link.named_persistents().front().array, all);
      EXPECT_EQ(to_vector<float>(all.select(0, 0)), to_vector<float>(all.select(0, 1)));
    });
  }
}

TEST(DistributedOptimizerTest, TheFirstUpdateUpdatesWithTheMean) {
  run_on_threads(3, [](Communicator& comm) {
    Branches model;
    DistributedOptimizer optimizer(Sgd({.lr = 1}), comm);
    optimizer.setup(model);
    functions::sum(model.left * comm.rank() + model.right * 3).backward();
    optimizer.update();
    EXPECT_EQ(optimizer.t(), 1);
    EXPECT_THAT(to_vector<float>(model.left.array()), Each(::testing::FloatEq(-1)));
    EXPECT_THAT(to_vector<float>(model.right.array()), Each(::testing::FloatEq(-3)));
  });
}

/// A network that gets another layer, with statistics, while it is trained.
struct Growing : Link {
  struct Branch : Link {
    Parameter W{{4}, init::zeros()};
    Array statistics = zeros({2});
    Branch() {
      add("W", W);
      add_persistent("statistics", statistics);
    }
  };
  Branch first;
  std::unique_ptr<Branch> second;
  Growing() { add("first", first); }
  void grow(double value) {
    second = std::make_unique<Branch>();
    second->W.array().fill(value);
    second->statistics.fill(value);
    add("second", *second);
  }
  void shrink() {
    clear_children();
    add("first", first);
    second.reset();
  }
};

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

TEST(DistributedOptimizerTest, CarriedUpdatesUseTheRateOfTheirStepAndWaitWhereWeightsAreRead) {
  run_on_threads(2, [](Communicator& comm) {
    Branches model;
    DistributedOptimizer optimizer(Sgd({.lr = 1}), comm,
                                   {.first_bucket_bytes = 1, .bucket_bytes = 1, .carry_over = true});
    optimizer.setup(model);
    for (int step = 1; step <= 6; ++step) {
      functions::sum(model.left * 2 + model.right * (2 * comm.rank())).backward();
      optimizer.update();
      EXPECT_EQ(optimizer.t(), step);
      optimizer.set_lr(100);  // of steps to come: not of this one
      if (step % 2 == 0) {
        EXPECT_THAT(to_vector<float>(model.left.array()), Each(-2.0f * static_cast<float>(step)));
      }
      if (step % 3 == 0) {
        EXPECT_THAT(to_vector<float>(model.right.array()), Each(-1.0f * static_cast<float>(step)));
      }
      optimizer.set_lr(1);
    }
  });
}

TEST(DistributedOptimizerTest, CarriedUpdatesKeepAllSettingsOfTheirStep) {
  const auto train = [](Communicator& comm, bool carry) {
    Branches model;
    DistributedOptimizer optimizer(MomentumSgd({.lr = 0.1, .momentum = 0.5}), comm,
                                   {.first_bucket_bytes = 1, .bucket_bytes = 1, .carry_over = carry});
    optimizer.setup(model);
    for (int step = 0; step < 8; ++step) {  // every setting changes while the step before is under way
      optimizer.set_loss_scale(step % 2 == 0 ? 1 : 1024);
      optimizer.common().weight_decay = 0.25 * step;
      model.left.lr_scale = 1 + step % 2;
      model.left.weight_decay_scale = step % 3;
      model.right.update_enabled = step % 3 != 2;
      optimizer.backward(functions::sum(model.left * 2 + model.right * (2.0 * comm.rank())));
      optimizer.update();
    }
    std::vector<float> values = to_vector<float>(model.left.array());
    for (const float value : to_vector<float>(model.right.array())) values.push_back(value);
    return values;
  };
  run_on_threads(2, [&](Communicator& comm) { EXPECT_EQ(train(comm, true), train(comm, false)); });
}

TEST(DistributedOptimizerTest, AGraphOlderThanACarriedUpdateIsRefused) {
  run_on_threads(2, [](Communicator& comm) {
    Branches model;
    DistributedOptimizer optimizer(Sgd({.lr = 1}), comm,
                                   {.first_bucket_bytes = 1, .bucket_bytes = 1, .carry_over = true});
    optimizer.setup(model);
    const Variable x(ones({4}), /*requires_grad=*/true);
    for (int step = 0; step < 4; ++step) {
      const Variable old = functions::sum(x * model.left);
      // the second weight arrives when the first one is in the graph already
      (functions::sum(x * model.left) + functions::sum(x * model.right)).backward();
      optimizer.update();
      if (step == 0) continue;  // the first one puts the weights elsewhere, which is no write
      const NoSync local(optimizer);
      EXPECT_THROW(old.backward(), GraphError);
    }
  });
}

TEST(DistributedOptimizerTest, TheLossScaleMayChangeWhileGradientsTravel) {
  for (const ReducerOptions& options :
       {ReducerOptions{}, ReducerOptions{.double_buffering = true}, ReducerOptions{.carry_over = true}}) {
    run_on_threads(2, [&](Communicator& comm) {
      Branches model;
      DistributedOptimizer optimizer(Sgd({.lr = 1}), comm, options);
      optimizer.setup(model);
      for (int step = 0; step < 4; ++step) {
        optimizer.set_loss_scale(std::exp2(5 * step));
        optimizer.backward(functions::sum(model.left * 2));
        optimizer.update();
      }
      EXPECT_THAT(to_vector<float>(model.left.array()), Each(options.double_buffering ? -6.0f : -8.0f));
      EXPECT_EQ(optimizer.loss_scale(), std::exp2(15));
    });
  }
}

class GrowingTest : public ::testing::TestWithParam<ReducerOptions> {};

TEST_P(GrowingTest, ALinkThatIsAddedLaterGetsRank0sValuesAndThatUpdateUpdates) {
  run_on_threads(2, [](Communicator& comm) {
    Growing model;
    model.first.statistics.fill(comm.rank() + 1);
    DistributedOptimizer optimizer(Sgd({.lr = 1}), comm, GetParam());
    optimizer.setup(model);
    EXPECT_THAT(to_vector<float>(model.first.statistics), Each(1.0f));
    functions::sum(model.first.W * (2 + comm.rank())).backward();
    optimizer.update();
    model.grow(10 + comm.rank());
    functions::sum(model.first.W * 2 + model.second->W * (4 * comm.rank())).backward();
    optimizer.update();
    EXPECT_THAT(to_vector<float>(model.second->statistics), Each(10.0f));
    const bool stale = GetParam().double_buffering;
    EXPECT_EQ(optimizer.t(), stale ? 1 : 2);
    EXPECT_THAT(to_vector<float>(model.first.W.array()), Each(stale ? -2.5f : -4.5f));
    EXPECT_THAT(to_vector<float>(model.second->W.array()), Each(stale ? 10.0f : 8.0f));
    functions::sum(model.first.W * 0 + model.second->W).backward();
    optimizer.update();
    EXPECT_THAT(to_vector<float>(model.second->W.array()), Each(stale ? 8.0f : 7.0f));
  });
}

TEST_P(GrowingTest, ALinkThatIsTakenAwayLeavesTheOthersInTraining) {
  run_on_threads(2, [](Communicator& comm) {
    Growing model;
    model.grow(10);
    DistributedOptimizer optimizer(Sgd({.lr = 1}), comm, GetParam());
    optimizer.setup(model);
    functions::sum(model.first.W * 2 + model.second->W * 4).backward();
    optimizer.update();
    optimizer.settle();
    model.shrink();
    functions::sum(model.first.W * (2.0 + 2 * comm.rank())).backward();
    optimizer.update();
    EXPECT_THAT(to_vector<float>(model.first.W.array()), Each(GetParam().double_buffering ? -2.0f : -5.0f));
    EXPECT_EQ(optimizer.arenas().front().slots.size(), 1u);
    model.grow(1);
    functions::sum(model.first.W + model.second->W).backward();
    optimizer.update();
    optimizer.settle();
    model.shrink();  // the optimizer goes without having seen it
  });
}

INSTANTIATE_TEST_SUITE_P(Modes, GrowingTest,
                         ::testing::Values(ReducerOptions{}, ReducerOptions{.overlap = false},
                                           ReducerOptions{.zero_fill = false}, ReducerOptions{.double_buffering = true},
                                           ReducerOptions{.carry_over = true}, ReducerOptions{.zero = 1},
                                           ReducerOptions{.zero = 2}));

TEST(DistributedOptimizerTest, DoubleBufferingAppliesTheGradientsOfTheStepBefore) {
  for (const int ranks : {1, 2}) {
    run_on_threads(ranks, [](Communicator& comm) {
      Branches model;
      DistributedOptimizer optimizer(Sgd({.lr = 1}), comm, {.double_buffering = true});
      optimizer.setup(model);
      const double mean_rank = (comm.size() - 1) / 2.0;
      double expected = 0;
      for (int step = 0; step < 4; ++step) {
        functions::sum(model.left * (step + 1.0 + comm.rank())).backward();
        optimizer.update();
        EXPECT_EQ(optimizer.t(), step);
        if (step > 0) expected -= step + mean_rank;
        EXPECT_THAT(to_vector<float>(model.left.array()), Each(static_cast<float>(expected)));
      }
    });
  }
}

TEST(DistributedOptimizerTest, GradientsThatTravelSurviveASnapshotThatMeetsANewLink) {
  run_on_threads(2, [](Communicator& comm) {
    Growing model;
    DistributedOptimizer optimizer(Sgd({.lr = 1}), comm, {.double_buffering = true});
    optimizer.setup(model);
    functions::sum(model.first.W * (2 + comm.rank())).backward();
    optimizer.update();
    model.grow(10 + comm.rank());
    NpzWriter writer;
    optimizer.serialize(writer);
    EXPECT_THAT(to_vector<float>(model.second->W.array()), Each(10.0f));
    functions::sum(model.first.W * 0 + model.second->W).backward();
    optimizer.update();
    EXPECT_THAT(to_vector<float>(model.first.W.array()), Each(-2.5f));
    EXPECT_THAT(to_vector<float>(model.second->W.array()), Each(10.0f));
  });
}

TEST(DistributedOptimizerTest, SetupMayComeAgainWhileGradientsTravel) {
  struct Large : Link {
    Parameter W{{500, 400}, init::zeros()};
    Large() { add("W", W); }
  };
  run_on_threads(2, [](Communicator& comm) {
    Large first, second;
    DistributedOptimizer optimizer(Sgd({.lr = 1}), comm, {.double_buffering = true});
    optimizer.setup(first);
    functions::sum(first.W * 3).backward();
    optimizer.update();
    optimizer.setup(second);
    for (int step = 0; step < 2; ++step) {
      functions::sum(second.W * 1).backward();
      optimizer.update();
    }
    EXPECT_THAT(to_vector<float>(second.W.array()), Each(-1.0f));
  });
}

TEST(DistributedOptimizerTest, WithoutZeroFillALinkThatIsAddedAndNotUsedIsLeftAlone) {
  for (const int ranks : {1, 2}) {
    run_on_threads(ranks, [](Communicator& comm) {
      Growing model;
      DistributedOptimizer optimizer(Sgd({.lr = 1, .common = {.weight_decay = 0.5}}), comm, {.zero_fill = false});
      optimizer.setup(model);
      functions::sum(model.first.W * 2).backward();
      optimizer.update();
      model.grow(8);
      functions::sum(model.first.W * 2).backward();
      optimizer.update();
      EXPECT_THAT(to_vector<float>(model.second->W.array()), Each(8.0f));
      EXPECT_THAT(to_vector<float>(model.first.W.array()), Each(-3.0f));  // −2 − (2 − 0.5 × 2)
      if (comm.rank() == 0) functions::sum(model.second->W * (2 * comm.size())).backward();
      optimizer.update();
      EXPECT_THAT(to_vector<float>(model.second->W.array()), Each(2.0f));  // 8 − (2 + 0.5 × 8)
    });
  }
}

TEST(DistributedOptimizerTest, WithoutZeroFillAParameterThatNobodyUsedIsLeftAlone) {
  for (const int ranks : {1, 2}) {
    run_on_threads(ranks, [](Communicator& comm) {
      Branches model;
      model.right.array().fill(8);
      DistributedOptimizer optimizer(MomentumSgd({.lr = 1, .momentum = 0.5, .common = {.weight_decay = 0.5}}), comm,
                                     {.zero_fill = false});
      optimizer.setup(model);
      functions::sum(model.left * 2).backward();
      optimizer.update();
      EXPECT_THAT(to_vector<float>(model.right.array()), Each(8.0f));  // not even decayed
      EXPECT_THAT(to_vector<float>(model.left.array()), Each(-2.0f));
      if (comm.rank() == 0) functions::sum(model.right * (2 * comm.size())).backward();  // one of them used it
      optimizer.update();
      EXPECT_THAT(to_vector<float>(model.right.array()), Each(2.0f));  // 8 − (2 + 0.5 × 8)
      EXPECT_THAT(to_vector<float>(model.left.array()), Each(-2.0f));
      EXPECT_TRUE(model.left.update_enabled);
    });
  }
}

TEST(DistributedOptimizerTest, AddsUpWhatComesInsideNoSync) {
  for (const bool overlap : {true, false}) {
    run_on_threads(2, [&](Communicator& comm) {
      Branches model;
      DistributedOptimizer optimizer(Sgd({.lr = 1}), comm, {.overlap = overlap});
      optimizer.setup(model);
      for (int step = 1; step <= 2; ++step) {
        {
          const NoSync local(optimizer);
          functions::sum(model.left * 2 + model.right).backward();
          functions::sum(model.left * (4 + 2 * comm.rank())).backward();
          EXPECT_THAT([&] { optimizer.update(); }, ThrowsMessage<GraphError>(HasSubstr("NoSync")));
        }
        functions::sum(model.left * 10).backward();
        optimizer.update();
        EXPECT_THAT(to_vector<float>(model.left.array()), Each(-17.0f * static_cast<float>(step)));
        EXPECT_THAT(to_vector<float>(model.right.array()), Each(-1.0f * static_cast<float>(step)));
      }
    });
  }
}

TEST(DistributedOptimizerTest, NoSyncScopesNest) {
  run_on_threads(2, [](Communicator& comm) {
    Branches model;
    DistributedOptimizer optimizer(Sgd({.lr = 1}), comm);
    optimizer.setup(model);
    {
      const NoSync outer(optimizer);
      {
        const NoSync inner(optimizer);
        functions::sum(model.left * 2).backward();
      }
      functions::sum(model.left * 4).backward();
    }
    functions::sum(model.left * 10).backward();
    optimizer.update();
    EXPECT_THAT(to_vector<float>(model.left.array()), Each(-16.0f));
  });
}

TEST(DistributedOptimizerTest, SaysWhetherGradientsAreFinite) {
  for (const ReducerOptions& options :
       {ReducerOptions{}, ReducerOptions{.carry_over = true}, ReducerOptions{.zero = 1}}) {
    run_on_threads(2, [&](Communicator& comm) {
      Branches model;
      DistributedOptimizer optimizer(Sgd({.lr = 1}), comm, options);
      optimizer.setup(model);
      for (int step = 0; step < 3; ++step) {
        functions::sum(model.left * 2 + model.right).backward();
        EXPECT_TRUE(optimizer.is_safe_to_update());
        optimizer.update();
        EXPECT_TRUE(optimizer.is_safe_to_update());
      }
      const NoSync local(optimizer);
      functions::sum(model.left * std::numeric_limits<double>::infinity()).backward();
      EXPECT_FALSE(optimizer.is_safe_to_update());
    });
  }
}

TEST(DistributedOptimizerTest, RanksMayHaveWeights) {
  for (const ReducerOptions& options :
       {ReducerOptions{}, ReducerOptions{.double_buffering = true}, ReducerOptions{.zero = 2}}) {
    run_on_threads(3, [&](Communicator& comm) {
      Branches model;
      DistributedOptimizer optimizer(Sgd({.lr = 1}), comm, options);
      optimizer.setup(model);
      optimizer.set_weight(std::vector{0.5, 0.0, 0.5}[static_cast<std::size_t>(comm.rank())]);
      for (int step = 0; step < 2; ++step) {
        functions::sum(model.left * (comm.rank() + 1.0)).backward();
        optimizer.update();
      }
      EXPECT_THAT(to_vector<float>(model.left.array()), Each(::testing::FloatEq(options.double_buffering ? -2 : -4)));
    });
  }
}

TEST(DistributedOptimizerTest, OneWeightCountsForAStep) {
  for (const ReducerOptions& options : {ReducerOptions{}, ReducerOptions{.overlap = false}}) {
    run_on_threads(2, [&](Communicator& comm) {
      Branches model;
      DistributedOptimizer optimizer(Sgd({.lr = 1}), comm, options);
      optimizer.setup(model);
      for (const double weight : {0.75, 0.25}) {
        const double mine = comm.rank() == 0 ? weight : 1 - weight;
        optimizer.set_weight(mine);
        {
          const NoSync local(optimizer);
          functions::sum(model.left * (4 + 4 * comm.rank())).backward();
        }
        optimizer.set_weight(mine);  // says nothing new
        EXPECT_THAT([&] { optimizer.set_weight(1 - mine); },
                    ThrowsMessage<GraphError>(HasSubstr("backward(loss, share)")));
        functions::sum(model.left * 0).backward();
        optimizer.update();
      }
      EXPECT_THAT(to_vector<float>(model.left.array()), Each(::testing::FloatEq(-12)));  // 0.75 · 4 + 0.25 · 8, …
    });
  }
}

TEST(DistributedOptimizerTest, GradientsThatWereThrownAwayDoNotHoldTheWeight) {
  for (const ReducerOptions& options :
       {ReducerOptions{}, ReducerOptions{.overlap = false}, ReducerOptions{.zero = 2}}) {
    run_on_threads(2, [&](Communicator& comm) {
      Branches model;
      DistributedOptimizer optimizer(Sgd({.lr = 1}), comm, options);
      optimizer.setup(model);
      {
        const NoSync local(optimizer);
        functions::sum(model.left * NAN).backward();
      }
      const double weight = comm.rank() == 0 ? 0.25 : 0.75;
      EXPECT_THROW(optimizer.set_weight(weight), GraphError);
      model.clear_grads();
      EXPECT_NO_THROW(optimizer.set_weight(weight));
      functions::sum(model.left * (4 + 4 * comm.rank())).backward();
      optimizer.update();
      EXPECT_THAT(to_vector<float>(model.left.array()), Each(::testing::FloatEq(-7)));  // 0.25 · 4 + 0.75 · 8
    });
  }
}

/// An optimizer of a user: moves every parameter by a fixed step against the gradient's sign.
class SignDescent final : public Optimizer {
 public:
  const char* name() const override { return "sign_descent"; }
  double lr() const override { return lr_; }
  void set_lr(double lr) override { lr_ = lr; }

 private:
  void update_range(const Range& range) override {
    for (std::int64_t i = 0; i < range.values.size(); ++i) {
      const float gradient = range.gradients.data<float>()[i];
      if (gradient != 0) range.values.data<float>()[i] -= gradient > 0 ? 1.0f : -1.0f;
    }
  }
  double lr_ = 1;
};

/// One that makes its steps without ranges.
class ByHand final : public Optimizer {
 public:
  const char* name() const override { return "by_hand"; }
  double lr() const override { return 1; }
  void set_lr(double) override {}
  void update() override {
    for (Parameter* parameter : model().parameters()) {
      if (!parameter->grad()) continue;
      const auto values = to_vector<float>(parameter->array()), gradients = to_vector<float>(parameter->grad());
      for (std::size_t i = 0; i < values.size(); ++i)
        parameter->array().data<float>()[i] = values[i] - 2 * gradients[i];
      parameter->clear_grad();
    }
  }

 private:
  void update_range(const Range&) override {}
};

TEST(DistributedOptimizerTest, WrapsOptimizersOfUsers) {
  run_on_threads(2, [](Communicator& comm) {
    for (const int zero : {0, 1, 2}) {
      Branches model;
      DistributedOptimizer optimizer(SignDescent(), comm, {.zero = zero});
      optimizer.setup(model);
      functions::sum(model.left * (comm.rank() == 0 ? 3 : -1) + model.right * (comm.rank() == 0 ? -3 : 1)).backward();
      optimizer.update();
      EXPECT_THAT(to_vector<float>(model.left.array()), Each(-1.0f));
      EXPECT_THAT(to_vector<float>(model.right.array()), Each(1.0f));
    }
    Branches model;
    DistributedOptimizer optimizer(ByHand(), comm);
    optimizer.setup(model);
    functions::sum(model.left * comm.rank()).backward();
    optimizer.update();
    EXPECT_THAT(to_vector<float>(model.left.array()), Each(-1.0f));
  });
}

TEST(DistributedOptimizerTest, NamesOptionsThatExcludeEachOther) {
  run_on_threads(2, [](Communicator& comm) {
    const auto refusal = [&](const ReducerOptions& options, const char* a, const char* b) {
      EXPECT_THAT([&] { DistributedOptimizer(Sgd({.lr = 1}), comm, options); },
                  ThrowsMessage<ValueError>(AllOf(HasSubstr(a), HasSubstr(b))));
    };
    refusal({.double_buffering = true, .zero = 1}, "zero", "double_buffering");
    refusal({.zero_fill = false, .zero = 2}, "zero", "zero_fill = false");
    refusal({.zero_fill = false, .double_buffering = true}, "double_buffering", "zero_fill = false");
    refusal({.zero = 3}, "zero", "0, 1 or 2");
    refusal({.double_buffering = true, .carry_over = true}, "carry_over", "double_buffering");
    refusal({.overlap = false, .carry_over = true}, "carry_over", "overlap = false");
    Branches model;
    DistributedOptimizer compressed(Sgd({.lr = 1}), comm, {.compression = make_compression("one_bit")});
    compressed.setup(model);
    comm.config().set("allreduce_grad_dtype", "float16");
    refusal({.compression = make_compression("one_bit")}, "compression", "allreduce_grad_dtype = float16");
    functions::sum(model.left * 2).backward();
    EXPECT_THAT([&] { compressed.update(); }, ThrowsMessage<ValueError>(HasSubstr("allreduce_grad_dtype")));
    comm.config().set("allreduce_grad_dtype", "");
    EXPECT_THAT([&] { DistributedOptimizer(Sgd({.lr = 1, .common = {.clip_norm = 1}}), comm, {.carry_over = true}); },
                ThrowsMessage<ValueError>(HasSubstr("clip_norm")));
    DistributedOptimizer optimizer(Sgd({.lr = 1}), comm, {.zero = 1});
    EXPECT_THAT([&] { optimizer.add_hook("noise", [](Optimizer&) {}); }, ThrowsMessage<ValueError>(HasSubstr("noise")));
    DistributedOptimizer carrying(Sgd({.lr = 1}), comm, {.carry_over = true});
    EXPECT_THAT([&] { carrying.add_hook("clip", [](Optimizer&) {}, HookTiming::kPost); },
                ThrowsMessage<ValueError>(HasSubstr("new parameters")));
    for (const ReducerOptions& options : {ReducerOptions{.carry_over = true}, ReducerOptions{.double_buffering = true},
                                          ReducerOptions{.compression = make_compression("one_bit")}}) {
      const auto excluded = ThrowsMessage<ValueError>(HasSubstr("a dynamic loss scale and"));
      DistributedOptimizer unscaled(Sgd({.lr = 1}), comm, options);
      EXPECT_THAT([&] { unscaled.loss_scaling(); }, excluded);
      auto scaled = std::make_unique<Sgd>(SgdOptions{.lr = 1});
      scaled->loss_scaling();
      EXPECT_THAT([&] { DistributedOptimizer(std::move(scaled), comm, options); }, excluded);
    }
    for (const ReducerOptions& options : {ReducerOptions{.zero = 2}, ReducerOptions{.carry_over = true}}) {
      auto hooked = std::make_unique<Sgd>(SgdOptions{.lr = 1});
      hooked->add_hook("noise", [](Optimizer&) {});
      EXPECT_THAT([&] { DistributedOptimizer(std::move(hooked), comm, options); },
                  ThrowsMessage<ValueError>(HasSubstr("noise")));
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
