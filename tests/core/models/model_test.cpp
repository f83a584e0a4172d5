#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/autograd/config.h"
#include "core/error.h"
#include "core/models/model.h"

namespace rensa::models {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class ForwardTest : public ::testing::TestWithParam<const char*> {};

TEST_P(ForwardTest, GivesLogitsAndEveryParameterAGradient) {
  const auto model = make_model(GetParam(), {.input = {3, 75, 75}, .classes = 7, .width = 16});
  Variable y = (*model)(Variable(ones({2, 3, 75, 75})));
  EXPECT_EQ(y.shape(), Shape({2, 7}));
  y.set_grad(Variable(ones(y.shape())));
  y.backward();
  for (const Link::NamedParameter& named : model->named_parameters())
    EXPECT_TRUE(named.parameter->grad()) << named.path;
  const auto copy = clone(*model);
  EXPECT_EQ(copy->count_parameters(), model->count_parameters());
  const ConfigScope judged({.train = false});
  EXPECT_EQ(to_vector<float>((*copy)(Variable(ones({1, 3, 75, 75}))).array()),
            to_vector<float>((*model)(Variable(ones({1, 3, 75, 75}))).array()));
}
INSTANTIATE_TEST_SUITE_P(Small, ForwardTest,
                         ::testing::Values("resnext50", "alexnet", "nin", "googlenet", "googlenet_bn", "mobilenet_v2"));

TEST(ModelTest, RefusesWhatDoesNotFit) {
  EXPECT_THAT([] { make_model("vgg16", {.input = {3, 20, 20}}); }, ThrowsMessage<ValueError>(HasSubstr("20 pixels")));
  EXPECT_THAT([] { make_model("alexnet", {.input = {3, 40, 40}}); }, ThrowsMessage<ValueError>(HasSubstr("40 pixels")));
  EXPECT_THAT([] { make_model("alexnet", {.input = {3, 80, 90}}); }, ThrowsMessage<ShapeError>(HasSubstr("square")));
  EXPECT_THAT([] { make_model("nin", {.input = {3}}); }, ThrowsMessage<ShapeError>(HasSubstr("channels")));
}

}  // namespace
}  // namespace rensa::models
