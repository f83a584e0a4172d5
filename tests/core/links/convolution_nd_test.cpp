#include "core/links/convolution_nd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/autograd/gradient_check.h"
#include "core/links/activation.h"
#include "core/links/connection.h"
#include "core/links/normalization.h"

namespace rensa {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

std::vector<std::string> paths(Link& link) {
  std::vector<std::string> found;
  for (const Link::NamedParameter& named : link.named_parameters()) found.push_back(named.path);
  return found;
}

template <class L, class Options>
void expect_lazy_is_known(const Options& known) {
  Options lazy = known;
  lazy.in = kLazySize;
  const Variable x(random_array({2, known.in, 5, 4}, 1, Dtype::kFloat32));
  const auto result = [&](const Options& options) {
    seed_parameters(1);
    L link(options);
    return to_vector<float>(link(x).array());
  };
  EXPECT_EQ(result(lazy), result(known));
}

TEST(SquareConvolutionTest, TakesItsChannelsFromTheFirstBatch) {
  expect_lazy_is_known<DepthwiseConvolution2D>(SquareConvolutionOptions{.in = 3, .out = 2});
  expect_lazy_is_known<DeformableConvolution2D>(DeformableConvolution2DOptions{.in = 3, .out = 2, .pad = 1});
}

TEST(SquareConvolutionTest, EachPartOfADeformableConvolutionMayBeWithoutBias) {
  DeformableConvolution2D without({.in = 3, .out = 2, .bias = false}),
      without_offset({.in = 3, .out = 2, .offset_bias = false});
  EXPECT_THAT(paths(without), ElementsAre("offset_conv/W", "offset_conv/b", "deform_conv/W"));
  EXPECT_THAT(paths(without_offset), ElementsAre("offset_conv/W", "deform_conv/W", "deform_conv/b"));
}

TEST(LinkInitializerTest, IsTheOption) {
  const auto two = init::constant(2), three = init::constant(3);
  const auto expect = [](const Parameter& parameter, float value) {
    EXPECT_THAT(to_vector<float>(parameter.array()), Each(value));
  };
  const DepthwiseConvolution2D depthwise({.in = 1, .out = 1, .initial_W = two, .initial_b = three});
  expect(depthwise.W, 2);
  expect(depthwise.b, 3);
  const Maxout maxout({.in = 1, .out = 1, .pool_size = 2, .initial_W = two, .initial_b = three});
  expect(maxout.linear.W, 2);
  expect(maxout.linear.b, 3);
  const Bilinear bilinear({.left = 1, .right = 1, .out = 1, .initial_W = two, .initial_V2 = three, .initial_b = three});
  expect(bilinear.W, 2);
  expect(bilinear.V2, 3);
  expect(bilinear.b, 3);
  const Highway highway({.size = 1, .initial_Wh = two, .initial_Wt = three, .initial_bh = two});
  expect(highway.plain.W, 2);
  expect(highway.transform.W, 3);
  expect(highway.plain.b, 2);
  expect(highway.transform.b, -1);
  const LayerNormalization layer({.size = 2, .initial_gamma = two, .initial_beta = three});
  expect(layer.gamma, 2);
  expect(layer.beta, 3);
  const GroupNormalization group({.groups = 1, .size = 2, .initial_gamma = two, .initial_beta = three});
  expect(group.gamma, 2);
  expect(group.beta, 3);
}

}  // namespace
}  // namespace rensa
