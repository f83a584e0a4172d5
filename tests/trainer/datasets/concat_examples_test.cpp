#include "trainer/datasets/concat_examples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace rensa {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// Words (length) int64, a class () int32.
Example sentence(const std::vector<std::int64_t>& words, std::int32_t label) {
  return {array(words, {std::ssize(words)}), full({}, label, Dtype::kInt32)};
}

TEST(ConcatExamplesTest, PadsToTheLongestAndTellsTheLengths) {
  const std::vector<Example> samples = {sentence({4, 5}, 0), sentence({6, 7, 8}, 1), sentence({}, 2)};
  const std::vector<Array> batch = concat_examples(samples, -1);
  ASSERT_EQ(batch.size(), 3u);
  EXPECT_EQ(batch[0].shape(), (Shape{3, 3}));
  EXPECT_THAT(to_vector<std::int64_t>(batch[0]), ElementsAre(4, 5, -1, 6, 7, 8, -1, -1, -1));
  EXPECT_THAT(to_vector<std::int32_t>(batch[1]), ElementsAre(0, 1, 2));
  EXPECT_THAT(to_vector<std::int64_t>(batch[2]), ElementsAre(2, 3, 0));
  const std::vector<Array> rows = without_padding(batch[0], batch[2]);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_THAT(to_vector<std::int64_t>(rows[1]), ElementsAre(6, 7, 8));
  EXPECT_EQ(rows[2].size(), 0);
}

TEST(ConcatExamplesTest, EveryAxisGrowsAndEveryFieldHasItsOwnPadding) {
  const std::vector<Example> samples = {{ones({1, 3}), ones({2})}, {ones({2, 1}), ones({1})}};
  const std::vector<Array> batch = concat_examples(samples, {0, 9});
  ASSERT_EQ(batch.size(), 4u);
  EXPECT_EQ(batch[0].shape(), (Shape{2, 2, 3}));
  EXPECT_THAT(to_vector<float>(batch[0]), ElementsAre(1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0));
  EXPECT_THAT(to_vector<float>(batch[1]), ElementsAre(1, 1, 1, 9));
  EXPECT_THAT(to_vector<std::int64_t>(batch[2]), ElementsAre(1, 2));
  EXPECT_THAT(to_vector<std::int64_t>(batch[3]), ElementsAre(2, 1));
  EXPECT_THAT([&] { concat_examples(samples, {0, std::nullopt}); }, ThrowsMessage<ShapeError>(HasSubstr("field 1")));
}

TEST(ConcatExamplesTest, StacksWhatIsOfOneShape) {
  const std::vector<Example> samples = {{ones({2})}, {zeros({2})}};
  const std::vector<Array> batch = concat_examples(samples);
  ASSERT_EQ(batch.size(), 1u);
  EXPECT_THAT(to_vector<float>(batch[0]), ElementsAre(1, 1, 0, 0));
}

TEST(ConcatExamplesTest, RefusesSamplesThatDoNotFit) {
  const auto two = [](Example a, Example b) { return std::vector<Example>{std::move(a), std::move(b)}; };
  EXPECT_THAT([&] { concat_examples(two(sentence({1}, 0), sentence({1, 2}, 0))); },
              ThrowsMessage<ShapeError>(AllOf(HasSubstr("position 1"), HasSubstr("(2,)"), HasSubstr("padding"))));
  EXPECT_THAT([&] { concat_examples(two({ones({1})}, {ones({1, 1})}), 0); },
              ThrowsMessage<ShapeError>(HasSubstr("number of axes")));
  EXPECT_THAT([&] { concat_examples(two({ones({1})}, {ones({1}, Dtype::kInt32)}), 0); },
              ThrowsMessage<DtypeError>(HasSubstr("int32")));
  EXPECT_THAT([&] { concat_examples(two({ones({1})}, {}), 0); }, ThrowsMessage<ShapeError>(HasSubstr("0 fields")));
  EXPECT_THAT([&] { concat_examples(two({ones({1})}, {ones({1})}), {0, 0}); },
              ThrowsMessage<ValueError>(HasSubstr("2 fields")));
  EXPECT_THROW(concat_examples({}), ValueError);
  EXPECT_THROW(without_padding(zeros({2, 3}), array<std::int64_t>({1, 4})), ShapeError);
  EXPECT_THROW(without_padding(zeros({2, 3}), array<std::int64_t>({1})), ShapeError);
}

}  // namespace
}  // namespace rensa
