#include "trainer/datasets/split_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "trainer/datasets/array_dataset.h"

namespace rensa {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using ::testing::UnorderedElementsAre;

DatasetPointer numbers(std::int64_t count) { return std::make_shared<ArrayDataset>(std::vector<Array>{arange(count)}); }

std::vector<std::int64_t> values(const Dataset& dataset) {
  std::vector<std::int64_t> found;
  for (std::int64_t i = 0; i < dataset.size(); ++i) found.push_back(dataset.get(i, {})[0].item<std::int64_t>());
  return found;
}

TEST(SplitDatasetTest, CutsInOrderOrAtRandom) {
  const auto [first, rest] = split_dataset(numbers(5), 2);
  EXPECT_THAT(values(*first), ElementsAre(0, 1));
  EXPECT_THAT(values(*rest), ElementsAre(2, 3, 4));
  const auto [some, others] = split_dataset_random(numbers(5), 2, 3);
  std::vector<std::int64_t> all = values(*some);
  for (const std::int64_t value : values(*others)) all.push_back(value);
  EXPECT_THAT(all, UnorderedElementsAre(0, 1, 2, 3, 4));
  EXPECT_EQ(values(*some), values(*split_dataset_random(numbers(5), 2, 3).first)) << "the same seed cuts the same way";
  EXPECT_THAT([] { split_dataset(numbers(5), 6); }, ThrowsMessage<ValueError>(HasSubstr("6 of 5")));
  EXPECT_THAT(values(*split_dataset_n(numbers(7), 3)[2]), ElementsAre(4, 5));
  const auto thirds = split_dataset_n_random(numbers(6), 3, 1);
  ASSERT_EQ(thirds.size(), 3u);
  all.clear();
  for (const DatasetPointer& third : thirds) {
    EXPECT_EQ(third->size(), 2);
    for (const std::int64_t value : values(*third)) all.push_back(value);
  }
  EXPECT_THAT(all, UnorderedElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_NE(all, (std::vector<std::int64_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_THROW(split_dataset_n_random(numbers(6), 0), ValueError);
}

TEST(CrossValidationTest, EverySampleJudgesOnce) {
  const auto folds = get_cross_validation_datasets(numbers(7), 3);
  ASSERT_EQ(folds.size(), 3u);
  std::vector<std::int64_t> judged;
  for (const auto& [train, test] : folds) {
    EXPECT_EQ(train->size() + test->size(), 7);
    for (const std::int64_t value : values(*test)) judged.push_back(value);
  }
  EXPECT_THAT(judged, ElementsAre(0, 1, 2, 3, 4, 5, 6));
  EXPECT_EQ(get_cross_validation_datasets_random(numbers(7), 3, 1).size(), 3u);
  EXPECT_THROW(get_cross_validation_datasets(numbers(2), 3), ValueError);
}

TEST(ConcatenatedDatasetTest, OneAfterTheOther) {
  const ConcatenatedDataset both({numbers(2), numbers(0), numbers(3)});
  EXPECT_THAT(values(both), ElementsAre(0, 1, 0, 1, 2));
  EXPECT_THROW(both.get(5, {}), IndexError);
  EXPECT_THROW(ConcatenatedDataset({}), ValueError);
}

}  // namespace
}  // namespace rensa
