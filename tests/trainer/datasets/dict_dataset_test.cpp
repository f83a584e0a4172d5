#include "trainer/datasets/dict_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace rensa {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(DictDatasetTest, SamplesAreRowsOfTheColumnsInTheirOrder) {
  const DictDataset samples({{"x", array<float>({1, 2, 3, 4}, {2, 2})}, {"t", array<std::int64_t>({7, 8})}});
  EXPECT_EQ(samples.size(), 2);
  EXPECT_THAT(samples.names(), ElementsAre("x", "t"));
  EXPECT_EQ(samples.field("t"), 1);
  EXPECT_EQ(samples.column("x").shape(), Shape({2, 2}));
  const Example second = samples.get(1, {});
  EXPECT_THAT(to_vector<float>(second[0]), ElementsAre(3, 4));
  EXPECT_EQ(second[1].item<std::int64_t>(), 8);
}

TEST(DictDatasetTest, RefusesColumnsThatDoNotFit) {
  const Array two = zeros({2}), three = zeros({3});
  EXPECT_THAT([&] { DictDataset({{"x", two}, {"x", two}}); }, ThrowsMessage<ValueError>(HasSubstr("two columns 'x'")));
  EXPECT_THROW(DictDataset({{"x", two}, {"t", three}}), ShapeError);
  const DictDataset samples({{"x", two}, {"t", two}});
  EXPECT_THAT([&] { samples.field("y"); }, ThrowsMessage<ValueError>(HasSubstr("no column 'y'; there are x, t")));
}

}  // namespace
}  // namespace rensa
