#include "comm/distributed_optimizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "comm/shm/thread_group.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/reduction.h"
#include "core/optimizers/momentum_sgd.h"
#include "core/optimizers/sgd.h"
#include "tests/support/changing_models.h"

namespace rensa {
namespace {

using rensa::testing::Branches;
using ::testing::Each;

TEST(StepsInFlightTest, CarriedUpdatesUseTheRateOfTheirStepAndWaitWhereWeightsAreRead) {
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

TEST(StepsInFlightTest, CarriedUpdatesKeepAllSettingsOfTheirStep) {
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

TEST(StepsInFlightTest, AGraphOlderThanACarriedUpdateIsRefused) {
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

TEST(StepsInFlightTest, TheLossScaleMayChangeWhileGradientsTravel) {
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

TEST(StepsInFlightTest, DoubleBufferingAppliesTheGradientsOfTheStepBefore) {
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

TEST(StepsInFlightTest, SetupMayComeAgainWhileGradientsTravel) {
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

}  // namespace
}  // namespace rensa
