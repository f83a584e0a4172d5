#include "trainer/reproducible_updater.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/communicators/create_communicator.h"
#include "comm/distributed_optimizer.h"
#include "comm/links/multi_node_batch_normalization.h"
#include "comm/shm/thread_group.h"
#include "core/error.h"
#include "core/links/linear.h"
#include "core/optimizers/sgd.h"
#include "tests/support/reproducible_training.h"
#include "trainer/datasets/array_dataset.h"
#include "trainer/iterators/mixed_iterator.h"
#include "trainer/iterators/serial_iterator.h"

namespace rensa {
namespace {

using rensa::testing::ReproducibleTask;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

std::string train_on_threads(const ReproducibleTask& task, int ranks, const std::string& communicator,
                             int ranks_per_node = 0) {
  std::string first;
  run_on_threads(ranks,
                 [&](Communicator& threads) {
                   const auto comm = compose_communicator(communicator, threads.split(0, threads.rank()));
                   const std::string bytes = rensa::testing::train_reproducibly(task, *comm);
                   if (comm->rank() == 0) first = bytes;
                   EXPECT_EQ(comm->broadcast_bytes(bytes, 0), bytes) << "rank " << comm->rank();
                 },
                 {.ranks_per_node = ranks_per_node});
  return first;
}

TEST(ReproducibleTest, OneTwoFourAndEightRanksGiveTheSameBits) {
  SelfCommunicator self;
  const ReproducibleTask task;
  const std::string alone = rensa::testing::train_reproducibly(task, self);
  for (const int ranks : {1, 2, 4, 8})
    EXPECT_EQ(train_on_threads(task, ranks, "flat") == alone, true) << ranks << " ranks";
}

TEST(ReproducibleTest, EveryCommunicatorGivesTheSameBits) {
  SelfCommunicator self;
  const ReproducibleTask task{.steps = 2};
  const std::string alone = rensa::testing::train_reproducibly(task, self);
  for (const char* name : {"auto", "flat", "hierarchical", "two_dimensional", "naive", "non_cuda_aware"}) {
    EXPECT_EQ(train_on_threads(task, 4, name, /*ranks_per_node=*/2) == alone, true) << name;
  }
  EXPECT_EQ(train_on_threads(task, 4, "single_node") == alone, true);
}

TEST(ReproducibleTest, LoaderThreadsChangeNoBit) {
  SelfCommunicator self;
  const std::string one = rensa::testing::train_reproducibly({.steps = 2}, self);
  EXPECT_EQ(rensa::testing::train_reproducibly({.steps = 2, .loader_threads = 3}, self) == one, true);
  EXPECT_EQ(rensa::testing::train_reproducibly({.steps = 2, .shards = 4}, self) == one, false);  // other statistics
}

TEST(ReproducibleTest, NumbersOfShardsThatAreNoPowerOfTwo) {
  SelfCommunicator self;
  const ReproducibleTask task{.steps = 2, .shards = 6};
  const std::string alone = [&] {
    std::string bytes;
    run_on_threads(3, [&](Communicator& comm) {
      const std::string mine = rensa::testing::train_reproducibly(task, comm);
      if (comm.rank() == 0) bytes = mine;
    });
    return bytes;
  }();
  EXPECT_EQ(train_on_threads(task, 6, "flat") == alone, true);
}

/// Without batch statistics, shards change nothing but the order of sums.
TEST(ReproducibleTest, TheGradientIsThatOfTheMeanLoss) {
  const auto data = [] {
    const rensa::testing::HashedNumbers numbers(2);
    std::vector<double> x;
    std::vector<std::int32_t> t;
    for (int i = 0; i < 23; ++i) {
      for (int j = 0; j < 4; ++j) x.push_back(numbers.uniform(i * 4 + j));
      t.push_back(static_cast<std::int32_t>(numbers.label(1000 + i, 3)));
    }
    return std::make_shared<ArrayDataset>(std::vector<Array>{array(x, {23, 4}), array(t, {23})});
  }();
  const auto train = [&](bool reproducible) {
    SelfCommunicator self;
    seed_parameters(1);
    Classifier model(std::make_unique<Linear>(LinearOptions{.in = 4, .out = 3, .dtype = Dtype::kFloat64}));
    Sgd optimizer({.lr = 1});
    optimizer.setup(model);
    SerialIterator iterator(data, {.batch_size = 9, .short_tail = true, .seed = 1});
    std::unique_ptr<Updater> updater;
    if (reproducible) {
      updater = std::make_unique<ReproducibleUpdater>(iterator, model, optimizer, self, 8);
    } else {
      updater = std::make_unique<StandardUpdater>(iterator, model, optimizer, self);
    }
    Observation seen;
    for (int step = 0; step < 6; ++step) {  // the tail has 5 samples: three of 8 shards are empty
      seen.clear();
      updater->update(seen);
    }
    std::vector<double> result = to_vector<double>(model.parameters().front()->array());
    result.push_back(seen.at("main/loss").value());
    result.push_back(seen.at("main/accuracy").value());
    result.push_back(seen.at("main/loss").weight);
    return result;
  };
  const std::vector<double> found = train(true), expected = train(false);
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-12) << i;
}

TEST(ReproducibleTest, NamesTheNumbersOfRanksThatShardsAllow) {
  run_on_threads(3, [](Communicator& comm) {
    EXPECT_THAT([&] { shard_range(8, comm); },
                ThrowsMessage<ValueError>(AllOf(HasSubstr("3 ranks"), HasSubstr("1, 2, 4, 8"))));
    EXPECT_EQ(shard_range(12, comm).count, 4);
    EXPECT_THROW(shard_range(0, comm), ValueError);
    EXPECT_THROW(shard_range(2, comm), ValueError);
  });
}

TEST(ReproducibleTest, OneBatchMakesAStep) {
  SelfCommunicator self;
  Linear model({.in = 2, .out = 2});
  Sgd optimizer;
  optimizer.setup(model);
  SerialIterator iterator(std::make_shared<ArrayDataset>(std::vector<Array>{zeros({8, 2})}), {.batch_size = 4});
  ReproducibleUpdater updater(
      iterator, model, [](const Batch&) { return StandardUpdater::Loss{}; }, optimizer, self, /*shards=*/2);
  EXPECT_NO_THROW(updater.accumulate(1));
  EXPECT_THAT([&] { updater.accumulate(2); }, ThrowsMessage<ValueError>(HasSubstr("raise the batch size")));
}

TEST(ReproducibleTest, RefusesStatisticsOfAllRanks) {
  SelfCommunicator self;
  Sequential model(std::make_unique<Linear>(LinearOptions{.in = 2, .out = 2}),
                   std::make_unique<BatchNormalization>(BatchNormalizationLinkOptions{.size = 2}));
  share_batch_statistics(model, self);
  Sgd optimizer;
  optimizer.setup(model);
  EXPECT_THAT(
      [&] { ShardSums(model, optimizer, self, /*shards=*/2); },
      ThrowsMessage<ValueError>(AllOf(HasSubstr("batch normalization 1 "), HasSubstr("share_batch_statistics"))));
}

TEST(ReproducibleTest, RefusesStatisticsOfUnknownSize) {
  SelfCommunicator self;
  Sequential model(
      std::make_unique<Linear>(LinearOptions{.in = 2, .out = 2}),
      std::make_unique<BatchNormalization>(BatchNormalizationLinkOptions{.use_gamma = false, .use_beta = false}));
  Sgd optimizer;
  optimizer.setup(model);
  const auto construct = [&] { ShardSums(model, optimizer, self, /*shards=*/2); };
  EXPECT_THAT(construct, ThrowsMessage<GraphError>(HasSubstr("1/avg_mean has no shape yet. Run the model once")));
  model(zeros({4, 2}, Dtype::kFloat32));
  EXPECT_NO_THROW(construct());
}

TEST(ReproducibleTest, RefusesADistributedOptimizer) {
  SelfCommunicator self;
  Linear model({.in = 2, .out = 2});
  DistributedOptimizer optimizer(Sgd(), self);
  optimizer.setup(model);
  EXPECT_THAT([&] { ShardSums(model, optimizer, self, /*shards=*/2); },
              ThrowsMessage<ValueError>(HasSubstr("Give it the optimizer itself; the updater sums.")));
}

TEST(ReproducibleTest, RefusesPairsOfMixedSamplesThatLieOnTwoRanks) {
  const auto data = std::make_shared<ArrayDataset>(std::vector<Array>{zeros({12, 2}), zeros({12}, Dtype::kInt32)});
  for (const std::int64_t batch : {4, 6}) {  // rank 1 begins at sample 2; at sample 3
    run_on_threads(2, [&](Communicator& comm) {
      Classifier model(std::make_unique<Linear>(LinearOptions{.in = 2, .out = 3}));
      Sgd optimizer;
      optimizer.setup(model);
      MixedIterator iterator(
          make_iterator(data, {.batch_size = batch, .rank = comm.rank(), .size = comm.size()}, {.threads = 0}),
          {.mixup_alpha = 1});
      ReproducibleUpdater updater(iterator, model, optimizer, comm, /*shards=*/2);
      Observation seen;
      if (batch == 4) {
        EXPECT_NO_THROW(updater.update(seen));
      } else {
        EXPECT_THAT([&] { updater.update(seen); },
                    ThrowsMessage<ValueError>(AllOf(HasSubstr("rank 1's part"), HasSubstr("position 3"))));
      }
    });
  }
}

TEST(ReproducibleTest, FourFieldsThatAreNotMixedMayBeginAnywhere) {
  const auto data = std::make_shared<ArrayDataset>(
      std::vector<Array>{zeros({12, 2}), zeros({12}, Dtype::kInt32), zeros({12}, Dtype::kInt32), ones({12})});
  run_on_threads(2, [&](Communicator& comm) {
    Classifier model(std::make_unique<Linear>(LinearOptions{.in = 2, .out = 3}));
    Sgd optimizer;
    optimizer.setup(model);
    SerialIterator iterator(data, {.batch_size = 6, .rank = comm.rank(), .size = comm.size()});  // rank 1: at sample 3
    ReproducibleUpdater updater(iterator, model, optimizer, comm, /*shards=*/2);
    Observation seen;
    EXPECT_NO_THROW(updater.update(seen));
  });
}

TEST(ReproducibleSlowTest, FiftyStepsOfResNet18OnThreads) {
  const auto task = rensa::testing::long_reproducible_task();
  const std::string alone = train_on_threads(task, 1, "flat");
  rensa::testing::keep_weights("threads_1", alone);
  for (const int ranks : {2, 4, 8}) {
    const std::string bytes = train_on_threads(task, ranks, "auto");
    rensa::testing::keep_weights("threads_" + std::to_string(ranks), bytes);
    EXPECT_EQ(bytes == alone, true) << ranks << " ranks";
  }
}

}  // namespace
}  // namespace rensa
