#include "trainer/iterators/batch_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/error.h"

namespace rensa {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using ::testing::UnorderedElementsAreArray;

std::vector<std::int64_t> indices(const PlannedBatch& batch) {
  std::vector<std::int64_t> result;
  for (const PlannedSample& sample : batch.samples) result.push_back(sample.index);
  return result;
}
std::vector<std::int64_t> next_indices(BatchPlan& plan) { return indices(plan.next().value()); }

TEST(BatchPlanTest, WrapsABatchOverTheEndOfAnEpoch) {
  BatchPlan plan(5, {.batch_size = 3, .shuffle = false});
  EXPECT_THAT(next_indices(plan), ElementsAre(0, 1, 2));
  EXPECT_FALSE(plan.state().is_new_epoch);
  EXPECT_EQ(plan.state().current_position, 3);
  const PlannedBatch second = plan.next().value();
  EXPECT_THAT(indices(second), ElementsAre(3, 4, 0));
  EXPECT_EQ(second.samples[1].epoch, 0);
  EXPECT_EQ(second.samples[2].epoch, 1);
  EXPECT_TRUE(plan.state().is_new_epoch);
  EXPECT_EQ(plan.state().epoch, 1);
  EXPECT_EQ(plan.state().current_position, 1);
  EXPECT_DOUBLE_EQ(plan.state().previous_epoch_detail, 0.6);
}

TEST(BatchPlanTest, EndsWithAShortBatchWithoutRepeat) {
  BatchPlan plan(5, {.batch_size = 3, .repeat = false, .shuffle = false});
  EXPECT_THAT(next_indices(plan), ElementsAre(0, 1, 2));
  EXPECT_THAT(next_indices(plan), ElementsAre(3, 4));
  EXPECT_EQ(plan.state().epoch, 1);
  EXPECT_EQ(plan.state().current_position, 0);
  EXPECT_FALSE(plan.next().has_value());
  EXPECT_FALSE(plan.next().has_value());
  plan.reset();
  EXPECT_THAT(next_indices(plan), ElementsAre(0, 1, 2));
}

TEST(BatchPlanTest, BatchLargerThanTheDatasetRunsThroughSeveralEpochs) {
  BatchPlan plan(2, {.batch_size = 5, .shuffle = false});
  EXPECT_THAT(next_indices(plan), ElementsAre(0, 1, 0, 1, 0));
  EXPECT_EQ(plan.state().epoch, 2);
}

TEST(BatchPlanTest, EveryEpochIsAnotherPermutation) {
  BatchPlan plan(50, {.batch_size = 50, .seed = 9});
  const std::vector<std::int64_t> first = next_indices(plan), second = next_indices(plan);
  std::vector<std::int64_t> all(50);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
  EXPECT_THAT(first, UnorderedElementsAreArray(all));
  EXPECT_THAT(second, UnorderedElementsAreArray(all));
  EXPECT_NE(first, second);
  EXPECT_NE(first, all);
  EXPECT_EQ(second, epoch_permutation(50, 9, 1));
}

TEST(BatchPlanTest, RanksTogetherSeeTheBatchesOfOneRank) {
  for (int size : {2, 3, 4}) {
    BatchPlan alone(23, {.batch_size = 10, .seed = 3});
    std::vector<BatchPlan> ranks;
    for (int rank = 0; rank < size; ++rank) {
      ranks.emplace_back(23, IteratorOptions{.batch_size = 10, .seed = 3, .rank = rank, .size = size});
    }
    for (int step = 0; step < 12; ++step) {
      std::vector<std::int64_t> together;
      for (BatchPlan& plan : ranks) {
        const PlannedBatch part = plan.next().value();
        EXPECT_EQ(part.first, static_cast<std::int64_t>(together.size()));
        EXPECT_EQ(part.global_size, 10);
        EXPECT_GE(part.samples.size(), static_cast<std::size_t>(10 / size));
        EXPECT_LE(part.samples.size(), static_cast<std::size_t>(10 / size + 1));
        std::ranges::copy(indices(part), std::back_inserter(together));
        EXPECT_EQ(part.after.current_position, plan.state().current_position);
      }
      EXPECT_EQ(together, next_indices(alone)) << "step " << step << ", " << size << " ranks";
    }
  }
}

TEST(BatchPlanTest, ShortLastBatchIsSharedWithoutPaddingOrDoubles) {
  std::vector<std::int64_t> seen;
  for (int rank = 0; rank < 4; ++rank) {
    BatchPlan plan(10, {.batch_size = 8, .repeat = false, .shuffle = false, .rank = rank, .size = 4});
    while (auto batch = plan.next()) std::ranges::copy(indices(*batch), std::back_inserter(seen));
  }
  std::ranges::sort(seen);
  EXPECT_THAT(seen, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
}

TEST(BatchPlanTest, AShortTailEndsEachEpochAndTheNextOneStartsAnew) {
  for (int epoch = 0; epoch < 2; ++epoch) {
    std::vector<std::int64_t> seen;
    for (int rank = 0; rank < 4; ++rank) {
      BatchPlan plan(10, {.batch_size = 8, .short_tail = true, .seed = 4, .rank = rank, .size = 4});
      for (int step = 0; step < 2 * epoch; ++step) plan.next();
      for (const std::int64_t size : {8, 2}) {
        const PlannedBatch batch = plan.next().value();
        EXPECT_EQ(batch.global_size, size);
        EXPECT_EQ(batch.after.is_new_epoch, size == 2);
        std::ranges::copy(indices(batch), std::back_inserter(seen));
      }
      EXPECT_EQ(plan.state().epoch, epoch + 1);
    }
    std::ranges::sort(seen);
    EXPECT_THAT(seen, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
  }
}

TEST(BatchPlanTest, GoesOnFromASavedState) {
  BatchPlan plan(17, {.batch_size = 5, .seed = 2});
  for (int i = 0; i < 5; ++i) plan.next();
  BatchPlan other(17, {.batch_size = 5, .seed = 2});
  other.restore(plan.state());
  for (int i = 0; i < 10; ++i) EXPECT_EQ(next_indices(plan), next_indices(other));
}

TEST(BatchPlanTest, StateOfOtherDataIsRefused) {
  BatchPlan large(20, {.batch_size = 5}), small(10, {.batch_size = 5});
  large.next();
  EXPECT_THAT([&] { small.restore(large.state()); }, ThrowsMessage<ValueError>(HasSubstr("20 samples")));
  BatchPlan plan(10, {.batch_size = 5, .shuffle = false});
  EXPECT_THAT([&] { plan.restore({.current_position = 10}); }, ThrowsMessage<ValueError>(HasSubstr("position 10")));
}

/// Every sample with an even number, the last one first in odd epochs, and sample 1 twice.
std::vector<std::int64_t> evens_and_twice_1(std::int64_t size, std::uint64_t, std::int64_t epoch) {
  std::vector<std::int64_t> order;
  for (std::int64_t i = 0; i < size; i += 2) order.push_back(i);
  if (epoch % 2 == 1) std::ranges::reverse(order);
  order.insert(order.end(), {1, 1});
  return order;
}

TEST(BatchPlanTest, AnOrderSamplerSaysWhatAnEpochIs) {
  BatchPlan plan(6, {.batch_size = 5, .order_sampler = evens_and_twice_1});
  EXPECT_EQ(plan.epoch_size(), 5);
  EXPECT_THAT(next_indices(plan), ElementsAre(0, 2, 4, 1, 1));
  EXPECT_TRUE(plan.state().is_new_epoch);
  EXPECT_THAT(next_indices(plan), ElementsAre(4, 2, 0, 1, 1));
  BatchPlan once(6, {.batch_size = 3, .repeat = false, .order_sampler = evens_and_twice_1});
  EXPECT_THAT(next_indices(once), ElementsAre(0, 2, 4));
  EXPECT_THAT(next_indices(once), ElementsAre(1, 1));
  EXPECT_FALSE(once.next().has_value());
}

TEST(BatchPlanTest, ASampledOrderGoesOnFromItsStateOrFromTheEpoch) {
  const IteratorOptions options{.batch_size = 4, .order_sampler = evens_and_twice_1};
  BatchPlan plan(8, options), other(8, options), third(8, options);
  plan.next();
  plan.next();
  other.restore(plan.state());
  IteratorState without = plan.state();
  without.order.reset();
  third.restore(without);
  for (int i = 0; i < 5; ++i) {
    const std::vector<std::int64_t> want = next_indices(plan);
    EXPECT_EQ(next_indices(other), want);
    EXPECT_EQ(next_indices(third), want);
  }
}

TEST(BatchPlanTest, AnOrderSamplersMistakesAreNamed) {
  const auto plan = [](OrderSampler sampler) {
    BatchPlan(4, {.batch_size = 2, .order_sampler = std::move(sampler)}).next();
  };
  using Order = std::vector<std::int64_t>;
  EXPECT_THAT([&] { plan([](auto, auto, auto) { return Order{0, 4}; }); },
              ThrowsMessage<ValueError>(HasSubstr("outside 0 to 3")));
  EXPECT_THAT([&] { plan([](auto, auto, auto) { return Order(); }); },
              ThrowsMessage<ValueError>(HasSubstr("no samples")));
  EXPECT_THAT([&] { plan([](auto, auto, auto epoch) { return Order(static_cast<std::size_t>(epoch + 2)); }); },
              ThrowsMessage<ValueError>(HasSubstr("gives 3 samples for epoch 1")));
}

TEST(BatchPlanTest, ImpossibleOptionsAreRefused) {
  EXPECT_THAT([] { BatchPlan(3, {.batch_size = 0}); }, ThrowsMessage<ValueError>(HasSubstr("batch_size = 0")));
  EXPECT_THAT([] { BatchPlan(0, {.batch_size = 1}); }, ThrowsMessage<ValueError>(HasSubstr("empty")));
  EXPECT_THAT([] { BatchPlan(3, {.batch_size = 2, .rank = 2, .size = 2}); },
              ThrowsMessage<ValueError>(HasSubstr("rank 2 of 2")));
  EXPECT_THAT([] { BatchPlan(3, {.batch_size = 2, .size = 3}); }, ThrowsMessage<ValueError>(HasSubstr("3 ranks")));
}

TEST(BatchPlanTest, EmptyPartOfADatasetHasNoBatches) {
  BatchPlan plan(0, {.batch_size = 4, .repeat = false});
  EXPECT_FALSE(plan.next().has_value());
}

}  // namespace
}  // namespace rensa
