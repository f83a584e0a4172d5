#include "trainer/datasets/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "trainer/datasets/array_dataset.h"
#include "trainer/datasets/sub_dataset.h"
#include "trainer/datasets/transform_dataset.h"

namespace rensa {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// A user's dataset: size() and get(), nothing else.
struct Squares : Dataset {
  std::int64_t size() const override { return 10; }
  Example get(std::int64_t i, const SampleContext&) const override {
    const auto x = static_cast<float>(i);
    return {array<float>({x, x * x}), array<std::int32_t>({static_cast<std::int32_t>(i % 2)}, {})};
  }
};

/// A dataset whose samples do not have one shape.
struct Ragged : Dataset {
  std::int64_t size() const override { return 3; }
  Example get(std::int64_t i, const SampleContext&) const override { return {zeros({i + 1})}; }
};

std::vector<float> first_field(const Dataset& dataset, std::int64_t index, const SampleContext& context = {}) {
  return to_vector<float>(dataset.get(index, context).at(0));
}

TEST(DatasetTest, OneOfOnesOwnFillsABatch) {
  const Squares squares;
  const std::vector<Array> batch = make_batch_arrays(squares.fields(), 2);
  squares.fill(3, {}, BatchSlot(batch, 0));
  squares.fill(4, {}, BatchSlot(batch, 1));
  EXPECT_EQ(batch[0].shape(), (Shape{2, 2}));
  EXPECT_THAT(to_vector<float>(batch[0]), ElementsAre(3, 9, 4, 16));
  EXPECT_EQ(batch[1].shape(), (Shape{2}));
  EXPECT_THAT(to_vector<std::int32_t>(batch[1]), ElementsAre(1, 0));
}

TEST(DatasetTest, SamplesOfAnotherShapeAreRefused) {
  const Ragged ragged;
  const std::vector<Array> batch = make_batch_arrays(ragged.fields(), 2);
  EXPECT_THAT([&] { ragged.fill(1, {}, BatchSlot(batch, 1)); },
              ThrowsMessage<ShapeError>(AllOf(HasSubstr("(2,)"), HasSubstr("(1,)"))));
}

TEST(ArrayDatasetTest, GivesRowsOfEveryArray) {
  const ArrayDataset dataset({array<float>({1, 2, 3, 4, 5, 6}, {3, 2}), array<std::int32_t>({7, 8, 9}, {3})});
  EXPECT_EQ(dataset.size(), 3);
  const Example example = dataset.get(1, {});
  EXPECT_THAT(to_vector<float>(example.at(0)), ElementsAre(3, 4));
  EXPECT_EQ(example.at(1).item<std::int32_t>(), 8);
  EXPECT_THAT([&] { dataset.get(3, {}); }, ThrowsMessage<IndexError>(AllOf(HasSubstr("3"), HasSubstr("0 to 2"))));
}

TEST(ArrayDatasetTest, DifferentCountsAreRefused) {
  EXPECT_THAT([] { ArrayDataset({zeros({3, 2}), zeros({4})}); },
              ThrowsMessage<ShapeError>(AllOf(HasSubstr("(3, 2)"), HasSubstr("(4,)"))));
}

TEST(SubDatasetTest, IsAViewByNumber) {
  const SubDataset part(std::make_shared<Squares>(), {9, 0, 4});
  EXPECT_EQ(part.size(), 3);
  EXPECT_THAT(first_field(part, 0), ElementsAre(9, 81));
  EXPECT_THAT(first_field(part, 2), ElementsAre(4, 16));
  EXPECT_THAT([] { SubDataset(std::make_shared<Squares>(), {10}); }, ThrowsMessage<IndexError>(HasSubstr("10")));
}

TEST(TransformDatasetTest, RandomNumbersBelongToSampleAndEpoch) {
  const TransformDataset noisy(std::make_shared<Squares>(), [](Example sample, RandomStream& random) {
    sample[0] = array<float>({static_cast<float>(random.uniform())});
    return sample;
  });
  const auto at = [&](std::int64_t i, std::int64_t epoch) {
    return first_field(noisy, i, {.seed = 5, .epoch = epoch})[0];
  };
  EXPECT_EQ(at(2, 1), at(2, 1));
  EXPECT_NE(at(2, 1), at(2, 2));
  EXPECT_NE(at(2, 1), at(3, 1));
}

}  // namespace
}  // namespace rensa
