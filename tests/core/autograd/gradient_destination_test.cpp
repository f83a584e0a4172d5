#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/functions/arithmetic.h"
#include "core/functions/convolution.h"
#include "core/functions/math.h"
#include "core/functions/reduction.h"
#include "core/links/convolution_2d.h"
#include "core/links/linear.h"
#include "core/optimizers/sgd.h"

namespace rensa {
namespace {

namespace F = functions;
using ::testing::ElementsAre;

/// A link whose weight's gradient has a place in an arena.
struct GradientDestinationTest : ::testing::Test {
  Linear linear{{.in = 2, .out = 1, .bias = false}};
  Sgd optimizer{{.lr = 0.1}};
  const Variable one{array<float>({1, 2}, {1, 2})}, ten{array<float>({10, 20}, {1, 2})};
  GradientDestinationTest() { optimizer.setup(linear); }
};

TEST_F(GradientDestinationTest, GradientsOfTwoCallsOfGradAreTwoArrays) {
  const Variable first = grad({F::sum(linear(one))}, {linear.W})[0],
                 second = grad({F::sum(linear(ten))}, {linear.W})[0];
  EXPECT_THAT(to_vector<float>(first.array()), ElementsAre(1, 2));
  EXPECT_THAT(to_vector<float>(second.array()), ElementsAre(10, 20));
  EXPECT_FALSE(linear.W.grad());
}

TEST_F(GradientDestinationTest, GradSumsOverAllUsesOfAWeight) {
  const Variables found = grad({F::sum(linear(one) + linear(ten))}, {linear.W});
  EXPECT_THAT(to_vector<float>(found[0].array()), ElementsAre(11, 22));
}

TEST_F(GradientDestinationTest, BackwardAfterGradStillWritesIntoTheArena) {
  grad({F::sum(linear(ten))}, {linear.W});
  F::sum(linear(one)).backward();
  EXPECT_THAT(to_vector<float>(linear.W.grad()), ElementsAre(1, 2));
  EXPECT_EQ(linear.W.grad().raw_data(), linear.W.grad_destination().raw_data());
}

TEST(ConvolutionGradientDestinationTest, WeightsMayLieChannelsLast) {
  const auto gradient = [](Layout layout) {
    Convolution2D convolution({.in = 2, .out = 3, .kernel = {2, 2}});
    const Array values = arange(24).reshape({3, 2, 2, 2}).to(Dtype::kFloat32);
    convolution.W.set_array(values.copy(layout));
    Sgd optimizer({.lr = 0.1});
    optimizer.setup(convolution);
    const Variable x(arange(18).reshape({1, 2, 3, 3}).to(Dtype::kFloat32));
    F::sum(F::square(convolution(x))).backward();
    return to_vector<float>(convolution.W.grad());
  };
  EXPECT_EQ(gradient(Layout::kChannelsLast), gradient(Layout::kRowMajor));
}

}  // namespace
}  // namespace rensa
