#include "trainer/updater.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "comm/distributed_optimizer.h"
#include "comm/self/self_communicator.h"
#include "comm/shm/thread_group.h"
#include "core/error.h"
#include "core/functions/reduction.h"
#include "core/links/linear.h"
#include "core/optimizers/sgd.h"
#include "core/serializers/npz.h"
#include "trainer/datasets/array_dataset.h"
#include "trainer/datasets/scatter_dataset.h"
#include "trainer/iterators/multithread_iterator.h"

namespace rensa {
namespace {

/// As ChainerMN's programs do it: the iterators know of one rank each.
TEST(StandardUpdaterTest, ScatteredDataGiveTheMeanOverAllRanks) {
  const auto numbers =
      std::make_shared<ArrayDataset>(std::vector<Array>{arange(12).to(Dtype::kFloat32).reshape({12, 1})});
  for (const int ranks : {1, 2, 3}) {
    run_on_threads(ranks, [&](Communicator& comm) {
      Linear model({.in = 1, .out = 1, .bias = false, .initial_W = init::zeros()});
      DistributedOptimizer optimizer(Sgd({.lr = 1}), comm);
      optimizer.setup(model);
      const auto iterator =
          make_iterator(scatter_dataset(numbers, comm), {.batch_size = 12 / ranks, .shuffle = false}, {.threads = 1});
      std::uint64_t first_sample = 0;
      const auto loss = [&](const Batch& batch) -> StandardUpdater::Loss {
        first_sample = random_context().first_sample;
        return {.loss = functions::mean(model(batch.x())), .observation = {}};
      };
      StandardUpdater updater(*iterator, model, loss, optimizer, comm);
      Observation seen;
      updater.update(seen);
      EXPECT_FLOAT_EQ(model.W.array().item<float>(), -5.5f) << ranks << " ranks";
      EXPECT_EQ(updater.samples(), 12);
      EXPECT_EQ(first_sample, static_cast<std::uint64_t>(comm.rank() * 12 / ranks));
    });
  }
}

TEST(StandardUpdaterTest, WhoGoesOnAfterAStepThatThrewMeetsItsBatchAgain) {
  SelfCommunicator self;
  Linear model({.in = 1, .out = 1});
  Sgd optimizer;
  optimizer.setup(model);
  const auto numbers =
      std::make_shared<ArrayDataset>(std::vector<Array>{arange(6).to(Dtype::kFloat32).reshape({6, 1})});
  const auto iterator = make_iterator(numbers, {.batch_size = 2, .shuffle = false}, {.threads = 1});
  StandardUpdater updater(
      *iterator, model,
      [&](const Batch& batch) -> StandardUpdater::Loss {
        if (batch.indices.front() == 2) throw ValueError("planted");
        return {.loss = functions::sum(model(batch.x())), .observation = {}};
      },
      optimizer, self);
  Observation seen;
  updater.update(seen);
  EXPECT_THROW(updater.update(seen), ValueError);
  NpzWriter values;
  updater.serialize(values);
  EXPECT_EQ(updater.iteration(), 1);
  EXPECT_EQ(iterator->current_position(), 2);
  EXPECT_EQ(iterator->next()->indices.front(), 2);
}

}  // namespace
}  // namespace rensa
