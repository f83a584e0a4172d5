#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

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
                         ::testing::Values("resnext50", "alexnet", "nin", "googlenet", "googlenet_bn",
                                           "googlenet_torchvision", "mobilenet_v2"));

TEST(ModelTest, GoogLeNetsHaveTheKeysOfTheirMakers) {
  const auto has = [](const char* name, const std::string& path) {
    const auto model = make_model(name, {.input = {3, 64, 64}});
    const auto named = model->named_parameters();
    return std::any_of(named.begin(), named.end(), [&](const auto& parameter) { return parameter.path == path; });
  };
  EXPECT_TRUE(has("googlenet", "inc3a/conv1/W"));
  EXPECT_TRUE(has("googlenet_torchvision", "inception3a/branch2/0/conv/W"));
  EXPECT_TRUE(has("googlenet_bn", "norm1/gamma"));
  EXPECT_TRUE(has("googlenet_bn", "inc5b/conv33bn/beta"));
  EXPECT_FALSE(has("googlenet_bn", "inc3c/conv1/W"));
  EXPECT_FALSE(has("googlenet_bn", "inc4e/poolp/W"));
}

TEST(ModelTest, RefusesWhatDoesNotFit) {
  EXPECT_THAT([] { make_model("vgg16", {.input = {3, 20, 20}}); }, ThrowsMessage<ValueError>(HasSubstr("20 pixels")));
  EXPECT_THAT([] { make_model("alexnet", {.input = {3, 40, 40}}); }, ThrowsMessage<ValueError>(HasSubstr("40 pixels")));
  EXPECT_THAT([] { make_model("alexnet", {.input = {3, 80, 90}}); }, ThrowsMessage<ShapeError>(HasSubstr("square")));
  EXPECT_THAT([] { make_model("nin", {.input = {3}}); }, ThrowsMessage<ShapeError>(HasSubstr("channels")));
}

}  // namespace
}  // namespace rensa::models
