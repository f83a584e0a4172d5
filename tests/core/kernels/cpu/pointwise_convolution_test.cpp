#include "core/kernels/cpu/pointwise_convolution.h"

#include <gtest/gtest.h>

#include <array>
#include <tuple>
#include <vector>

#include "core/autograd/gradient_check.h"
#include "core/kernels/memory.h"
#include "tests/support/near_by_largest.h"

namespace rensa::cpu {
namespace {

using kernels::ConvolutionGeometry;
using rensa::testing::near_by_largest;

double rounding(Dtype dtype) {
  return dtype == Dtype::kFloat32 ? 1e-5 : dtype == Dtype::kFloat16 ? 1e-3 : dtype == Dtype::kBFloat16 ? 5e-3 : 1e-14;
}

/// (dtype, x, channels of y, stride), against the float64 convolution, which knows nothing of products of pixels.
class PointwiseConvolutionTest
    : public ::testing::TestWithParam<std::tuple<Dtype, Shape, std::int64_t, std::array<std::int64_t, 2>>> {
 protected:
  const Dtype dtype = std::get<0>(GetParam());
  const ConvolutionGeometry geometry{.stride = std::get<3>(GetParam())};
  const Array x = given(std::get<1>(GetParam()), 1);
  const Array W = given({std::get<2>(GetParam()), x.shape()[1], 1, 1}, 2);
  const Array gy = given(kernels::output_shape(x.shape(), W.shape(), geometry), 3);

  Array given(const Shape& shape, std::uint64_t seed) const { return random_array(shape, seed).to(dtype); }
  static Array wide(const Array& a) { return a.to(Dtype::kFloat64); }
};

TEST_P(PointwiseConvolutionTest, Forward) {
  const Array exact = kernels::convolution(wide(x), wide(W), Array(), geometry);
  const Array y = pointwise_convolution(x, W, geometry);
  EXPECT_TRUE(near_by_largest(y, exact, rounding(dtype)));
  EXPECT_TRUE(y.is_channels_last());
  EXPECT_TRUE(near_by_largest(pointwise_convolution(x.channels_last(), W, geometry), exact, rounding(dtype)));
  const Array turned = W.transpose().copy().transpose();  // W's columns lie in a row
  EXPECT_TRUE(near_by_largest(pointwise_convolution(x, turned, geometry), exact, rounding(dtype)));
}

TEST_P(PointwiseConvolutionTest, GradientOfX) {
  const Array exact = kernels::convolution_backward_data(wide(gy), wide(W), geometry, x.shape());
  const Array gx = pointwise_backward_data(gy, W, geometry, x.shape());
  EXPECT_TRUE(near_by_largest(gx, exact, rounding(dtype)));
  EXPECT_TRUE(gx.is_channels_last());
}

TEST_P(PointwiseConvolutionTest, GradientOfXIsAdded) {
  const ConvolutionGeometry whole;
  const Array before = given(x.shape(), 4),
              arrived = given({x.shape()[0], W.shape()[0], x.shape()[2], x.shape()[3]}, 5);
  const Array exact = kernels::convolution_backward_data(wide(arrived), wide(W), whole, x.shape());
  kernels::accumulate(exact, wide(before));
  for (const Layout layout : {Layout::kChannelsLast, Layout::kRowMajor}) {
    const Array gx = before.copy(layout);
    if (!gx.is_channels_last()) continue;
    pointwise_add_backward_data(arrived, W, gx);
    EXPECT_TRUE(near_by_largest(gx, exact, rounding(dtype)));
  }
  for (const ConvolutionGeometry& g : {whole, geometry}) {  // in any layout, product or not
    const Array gy_here = g == whole ? arrived : gy;
    const Array sum = kernels::convolution_backward_data(wide(gy_here), wide(W), g, x.shape());
    kernels::accumulate(sum, wide(before));
    for (const Layout layout : {Layout::kChannelsLast, Layout::kRowMajor}) {
      const Array gx = before.copy(layout);
      kernels::convolution_add_backward_data(gy_here, W, g, gx);
      EXPECT_TRUE(near_by_largest(gx, sum, 2 * rounding(dtype)));
    }
  }
}

TEST_P(PointwiseConvolutionTest, GradientOfW) {
  const Array exact = kernels::convolution_backward_weights(wide(x), wide(gy), geometry, W.shape(), Array());
  EXPECT_TRUE(near_by_largest(pointwise_backward_weights(x, gy, geometry, W.shape(), Array()), exact, rounding(dtype)));
  const Array place = full(W.shape(), 7, dtype);
  const Array there = pointwise_backward_weights(x.channels_last(), gy.channels_last(), geometry, W.shape(), place);
  EXPECT_EQ(there.raw_data(), place.raw_data());
  EXPECT_TRUE(near_by_largest(place, exact, rounding(dtype)));
}

INSTANTIATE_TEST_SUITE_P(
    Sizes, PointwiseConvolutionTest,
    ::testing::Combine(::testing::Values(Dtype::kFloat32, Dtype::kFloat64, Dtype::kBFloat16, Dtype::kFloat16),
                       ::testing::Values(Shape{2, 48, 12, 11}, Shape{3, 260, 5, 4}, Shape{1, 4, 3, 3},
                                         Shape{2, 1, 6, 1}),
                       ::testing::Values(1, 96),
                       ::testing::Values(std::array<std::int64_t, 2>{1, 1}, std::array<std::int64_t, 2>{2, 2},
                                         std::array<std::int64_t, 2>{1, 3})));

TEST(PointwiseConvolutionChoiceTest, OnlyLargeProductsOfWholePixelsAreTaken) {
  const Shape y{8, 64, 7, 7}, W{64, 64, 1, 1};
  const Dtype kWide = Dtype::kFloat64;
  EXPECT_FALSE(gradient_of_weights_is_faster_as_product(y, W, {}, kWide));
  for (const Dtype dtype : {Dtype::kFloat32, Dtype::kBFloat16}) {
    EXPECT_FALSE(gradient_of_weights_is_faster_as_product(y, {64, 64, 3, 3}, {.pad = {1, 1}}, dtype));
    EXPECT_FALSE(gradient_of_weights_is_faster_as_product(y, W, {.pad = {1, 0}}, dtype));
    EXPECT_FALSE(gradient_of_weights_is_faster_as_product(y, {64, 32, 1, 1}, {.groups = 2}, dtype));
    EXPECT_FALSE(gradient_of_weights_is_faster_as_product({1, 8, 2, 2}, {8, 8, 1, 1}, {}, dtype));
    EXPECT_FALSE(gradient_of_weights_is_faster_as_product({4096, 64, 1024, 1024}, W, {}, dtype));  // as BLAS counts
  }
}

}  // namespace
}  // namespace rensa::cpu
