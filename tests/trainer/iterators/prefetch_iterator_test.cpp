#include "trainer/iterators/prefetch_iterator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/support/simulated_driver.h"
#include "trainer/iterators/multithread_iterator.h"

namespace rensa {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr Device kGpu{DeviceKind::kCuda, 0};

/// A number and the number of the sample.
struct Counting : Dataset {
  std::int64_t size() const override { return 10; }
  Example get(std::int64_t i, const SampleContext&) const override {
    if (i == broken) throw ValueError("sample ", i, " is broken");
    return {array<float>({static_cast<float>(i) / 2, 1}), array<std::int32_t>({static_cast<std::int32_t>(i)})};
  }
  std::int64_t broken = -1;
};

std::unique_ptr<Iterator> on_host(bool repeat = true, std::int64_t broken = -1) {
  auto dataset = std::make_shared<Counting>();
  dataset->broken = broken;
  return make_iterator(dataset, {.batch_size = 4, .repeat = repeat, .shuffle = true, .seed = 3}, {.threads = 1});
}

TEST(PrefetchIteratorTest, GivesTheSameBatchesOnTheDeviceAndLabelsOnTheHost) {
  const testing::SimulatedDevices simulated;
  const auto plain = on_host();
  PrefetchIterator prefetched(on_host(), kGpu);
  for (int i = 0; i < 7; ++i) {
    const std::optional<Batch> expected = plain->next(), found = prefetched.next();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->x().device(), kGpu);
    EXPECT_EQ(found->t().device(), Device{});
    EXPECT_EQ(found->indices, expected->indices);
    EXPECT_EQ(to_vector<float>(found->x()), to_vector<float>(expected->x()));
    EXPECT_EQ(prefetched.epoch_detail(), plain->epoch_detail()) << "as if nothing were read ahead";
    EXPECT_EQ(prefetched.is_new_epoch(), plain->is_new_epoch());
  }
}

TEST(PrefetchIteratorTest, EndsAndBeginsAgain) {
  const testing::SimulatedDevices simulated;
  PrefetchIterator prefetched(on_host(/*repeat=*/false), kGpu);
  for (int round = 0; round < 3; ++round) {
    int batches = 0;
    while (prefetched.next()) ++batches;
    EXPECT_EQ(batches, 3);
    EXPECT_FALSE(prefetched.next());
    prefetched.reset();
  }
}

TEST(PrefetchIteratorTest, GoesOnFromAState) {
  const testing::SimulatedDevices simulated;
  PrefetchIterator first(on_host(), kGpu), second(on_host(), kGpu);
  for (int i = 0; i < 3; ++i) first.next();
  second.next();
  second.restore(first.state());
  for (int i = 0; i < 4; ++i) EXPECT_EQ(second.next()->indices, first.next()->indices);
}

TEST(PrefetchIteratorTest, AnErrorArrivesInTheNextThatWouldHaveGivenTheBatch) {
  const testing::SimulatedDevices simulated;
  PrefetchIterator prefetched(on_host(/*repeat=*/false, /*broken=*/5), kGpu);
  int failures = 0, batches = 0;
  for (int i = 0; i < 3; ++i) {
    try {
      batches += prefetched.next() ? 1 : 0;
    } catch (const ValueError& error) {
      EXPECT_THAT(error.what(), HasSubstr("sample 5 is broken"));
      ++failures;
    }
  }
  EXPECT_EQ(failures, 1);
  EXPECT_EQ(batches, 2);
}

TEST(PrefetchIteratorTest, AheadMustBePositive) {
  const testing::SimulatedDevices simulated;
  EXPECT_THAT([] { PrefetchIterator(on_host(), kGpu, 0); }, ThrowsMessage<ValueError>(HasSubstr("at least 1")));
}

}  // namespace
}  // namespace rensa
