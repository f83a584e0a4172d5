#include "comm/distributed_optimizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "comm/shm/thread_group.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/reduction.h"
#include "core/optimizers/sgd.h"
#include "tests/support/changing_models.h"

namespace rensa {
namespace {

using rensa::testing::Branches;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(RankWeightsTest, RanksMayHaveWeights) {
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

TEST(RankWeightsTest, OneWeightCountsForAStep) {
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

TEST(RankWeightsTest, GradientsThatWereThrownAwayDoNotHoldTheWeight) {
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

}  // namespace
}  // namespace rensa
