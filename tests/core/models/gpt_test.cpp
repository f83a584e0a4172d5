#include "core/models/gpt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/functions/softmax_cross_entropy.h"

namespace rensa::models {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

GptOptions small() { return {.words = 7, .layers = 2, .size = 8, .heads = 2, .length = 5}; }

TEST(GptTest, GivesLogitsForEachPlace) {
  Gpt model(small());
  const Variable y = model(array(std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 0}, {2, 4}));
  EXPECT_EQ(y.shape(), (Shape{8, 7}));
}

TEST(GptTest, APlaceSeesNoneThatFollow) {
  Gpt model(small());
  const std::vector<std::int64_t> text = {0, 1, 2, 3, 4}, other = {0, 1, 2, 6, 5};
  const Array a = model(array(text, {1, 5})).array(), b = model(array(other, {1, 5})).array();
  const std::vector<float> first = to_vector<float>(a), second = to_vector<float>(b);
  for (std::size_t i = 0; i < 3 * 7; ++i) EXPECT_EQ(first[i], second[i]) << i;
  EXPECT_NE(std::vector<float>(first.begin() + 21, first.end()), std::vector<float>(second.begin() + 21, second.end()));
}

TEST(GptTest, EveryWeightGetsAGradient) {
  Gpt model(small());
  const Variable y = model(array(std::vector<std::int64_t>{0, 1, 2, 3, 4}, {1, 5}));
  functions::softmax_cross_entropy(y, array(std::vector<std::int64_t>{1, 2, 3, 4, 5}, {5})).backward();
  for (const Link::NamedParameter& named : model.named_parameters()) EXPECT_TRUE(named.parameter->grad()) << named.path;
}

TEST(GptTest, RefusesMoreTokensThanItHasPlaces) {
  Gpt model(small());
  const Variable x = zeros({1, 6}, Dtype::kInt64);
  EXPECT_THAT([&] { model(x); }, ThrowsMessage<ShapeError>(HasSubstr("at most 5 each")));
}

}  // namespace
}  // namespace rensa::models
