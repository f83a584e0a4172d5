#include "comm/distributed_optimizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "comm/shm/thread_group.h"
#include "core/functions/arithmetic.h"
#include "core/functions/reduction.h"
#include "core/links/linear.h"
#include "core/links/weight_hooks.h"
#include "core/optimizers/sgd.h"
#include "core/serializers/npz.h"
#include "tests/support/changing_models.h"

namespace rensa {
namespace {

using rensa::testing::Growing;
using ::testing::Each;

struct Late : Link {
  Parameter W{init::normal(1)};
  Late() { add("W", W); }
};

TEST(GrowingModelTest, ParametersThatTakeTheirShapeLateJoinEverywhere) {
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

TEST(GrowingModelTest, AParameterMayTakeItsShapeOnSomeRanksOnly) {
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

TEST(GrowingModelTest, WhatASnapshotMeetsFirstJoinsEverywhere) {
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

TEST(GrowingModelTest, SetupGivesShapesThatSomeRanksHaveToAll) {
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

TEST(GrowingModelTest, PersistentValuesThatTakeTheirShapeLateComeFromRank0) {
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

TEST(GrowingModelTest, AParameterOfAnotherShapeStartsWithRank0sValuesAndThatUpdateUpdates) {
  for (const ReducerOptions& options :
       {ReducerOptions{}, ReducerOptions{.overlap = false}, ReducerOptions{.zero = 1}, ReducerOptions{.zero = 2}}) {
    run_on_threads(2, [&](Communicator& comm) {
      Growing model;
      model.grow(1);
      DistributedOptimizer optimizer(Sgd({.lr = 1}), comm, options);
      optimizer.setup(model);
      const auto step = [&] {
        functions::sum(model.first.W * (2 + 2 * comm.rank()) + model.second->W).backward();
        optimizer.update();
        return to_vector<float>(model.first.W.array());
      };
      EXPECT_THAT(step(), Each(-3.0f));
      model.first.W.set_array(full({4}, 5));  // of the same shape
      EXPECT_THAT(step(), Each(2.0f));
      EXPECT_THAT(to_vector<float>(model.second->W.array()), Each(-1.0f));
      model.second->W.set_array(full({6}, 1));
      model.first.W.set_array(full({6}, 10 + comm.rank()));
      EXPECT_THAT(step(), ::testing::AllOf(::testing::SizeIs(6), Each(7.0f)));
      EXPECT_THAT(to_vector<float>(model.second->W.array()), Each(0.0f));
      EXPECT_THAT(step(), Each(4.0f));
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
    const auto taken = std::move(model.second);
    model.shrink();
    functions::sum(model.first.W * (2.0 + 2 * comm.rank())).backward();
    optimizer.update();
    functions::sum(taken->W * 2).backward();  // it is used still
    EXPECT_TRUE(taken->W.grad());
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

TEST(GrowingModelTest, GradientsThatTravelSurviveASnapshotThatMeetsANewLink) {
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

TEST(GrowingModelTest, WithoutZeroFillALinkThatIsAddedAndNotUsedIsLeftAlone) {
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

}  // namespace
}  // namespace rensa
