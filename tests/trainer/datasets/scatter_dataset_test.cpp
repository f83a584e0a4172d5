#include "trainer/datasets/scatter_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>

#include "comm/shm/thread_group.h"
#include "trainer/datasets/array_dataset.h"

namespace rensa {
namespace {

/// The values that the ranks hold together, sorted.
std::vector<std::int64_t> scattered(std::int64_t count, int ranks, const ScatterOptions& options) {
  std::vector<std::int64_t> all;
  std::mutex mutex;
  run_on_threads(ranks, [&](Communicator& comm) {
    const auto whole = std::make_shared<ArrayDataset>(std::vector<Array>{arange(count)});
    const auto part = scatter_dataset(whole, comm, options);
    const std::int64_t longest = (count + ranks - 1) / ranks;
    if (options.force_equal_length) {
      EXPECT_EQ(part->size(), longest);
    }
    EXPECT_GE(part->size(), count / ranks);
    const std::lock_guard lock(mutex);
    for (std::int64_t i = 0; i < part->size(); ++i) all.push_back(part->get(i, {})[0].item<std::int64_t>());
  });
  std::sort(all.begin(), all.end());
  return all;
}

TEST(ScatterDatasetTest, EverySampleBelongsToOneRank) {
  for (const int ranks : {1, 2, 3, 4}) {
    for (const bool shuffle : {false, true}) {
      const auto all = scattered(10, ranks, {.shuffle = shuffle, .force_equal_length = false});
      EXPECT_THAT(all, ::testing::ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
    }
  }
}

TEST(ScatterDatasetTest, EqualLengthsRepeatAsFewSamplesAsPossible) {
  for (const int ranks : {1, 2, 3, 4}) {
    auto all = scattered(10, ranks, {.shuffle = true, .seed = 3});
    EXPECT_EQ(static_cast<int>(all.size()), (10 + ranks - 1) / ranks * ranks);
    all.erase(std::unique(all.begin(), all.end()), all.end());
    EXPECT_EQ(all.size(), 10u);
  }
}

}  // namespace
}  // namespace rensa
