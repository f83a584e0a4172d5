#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <vector>

#include "core/autograd/gradient_check.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/batch_normalization.h"
#include "core/functions/convolution.h"
#include "core/functions/linear.h"
#include "core/functions/losses.h"
#include "core/functions/matmul.h"
#include "core/functions/normalization.h"
#include "core/functions/pooling_nd.h"
#include "core/functions/reduction.h"
#include "core/functions/region_pooling.h"
#include "core/functions/shape.h"
#include "core/functions/softmax_cross_entropy.h"
#include "core/functions/trigonometry.h"
#include "core/links/batch_normalization.h"
#include "tests/support/golden_file.h"

// The hot functions at sizes where they take paths of their own in 16 bits: oneDNN's, and blocks of rows.

namespace rensa {
namespace {

namespace F = functions;
using testing::near;

class HalfFunctionTest : public ::testing::TestWithParam<Dtype> {
 protected:
  Dtype half() const { return GetParam(); }
  /// Of one result's rounding.
  double rounding() const { return half() == Dtype::kFloat16 ? 1e-3 : 8e-3; }
  Array draw(const Shape& shape, std::uint64_t seed) const { return random_array(shape, seed).to(half()); }
  static Variable wide(const Variable& x) { return Variable(x.array().to(Dtype::kFloat64), x.requires_grad()); }

  /// f and its gradients in 16 bits beside float64 on the same numbers. Sums are float32 or better, so that what is off
  /// is the rounding of each result, relative to the size of the summands, `scale`.
  template <class Function>
  void expect_one_rounding(const Function& f, const Variables& x, double scale) const {
    Variables exact;
    for (const Variable& each : x) exact.push_back(wide(each));
    const Variable y = f(x), expected = f(exact);
    EXPECT_EQ(y.dtype(), half());
    EXPECT_TRUE(near(y.array(), expected.array(), 2 * scale * rounding()));
    const Array gy = draw(y.shape(), 99);
    const Variables gx = grad({y}, x, {Variable(gy)}),
                    exact_gx = grad({expected}, exact, {Variable(gy.to(Dtype::kFloat64))});
    for (std::size_t i = 0; i < x.size(); ++i) {
      EXPECT_EQ(gx[i].dtype(), x[i].dtype());
      EXPECT_TRUE(near(gx[i].array(), exact_gx[i].array(), 4 * scale * rounding())) << "gradient of input " << i;
    }
  }
};

TEST_P(HalfFunctionTest, LinearOfManyFeatures) {
  const Variables x = {Variable(draw({70, 90}, 1), true), Variable(draw({80, 90}, 2), true),
                       Variable(draw({80}, 3), true)};
  expect_one_rounding([](const Variables& v) { return F::linear(v[0], v[1], &v[2]); }, x, 4);
}

TEST_P(HalfFunctionTest, MatrixProductOfTransposedOperands) {
  const Variables x = {Variable(draw({90, 70}, 1), true), Variable(draw({80, 90}, 2), true)};
  expect_one_rounding([](const Variables& v) { return F::matmul(v[0], v[1], true, true); }, x, 4);
}

TEST_P(HalfFunctionTest, ConvolutionWithBias) {
  const Variables x = {Variable(draw({2, 16, 9, 8}, 1), true), Variable(draw({24, 16, 3, 3}, 2), true),
                       Variable(draw({24}, 3), true)};
  expect_one_rounding(
      [](const Variables& v) { return F::convolution_2d(v[0], v[1], &v[2], {.stride = {2, 1}, .pad = {1, 1}}); }, x, 4);
}

TEST_P(HalfFunctionTest, GroupedConvolutionOfOneChannelEach) {
  const Variables x = {Variable(draw({2, 12, 7, 7}, 1), true), Variable(draw({12, 1, 3, 3}, 2), true)};
  expect_one_rounding([](const Variables& v) { return F::convolution_2d(v[0], v[1], nullptr, {.groups = 12}); }, x, 4);
}

TEST_P(HalfFunctionTest, BatchNormalizationWithFloat32Parameters) {
  const Variable gamma(random_array({5}, 2, Dtype::kFloat32), true), beta(random_array({5}, 3, Dtype::kFloat32), true);
  const Variables x = {Variable(draw({3, 5, 30, 31}, 1), true), gamma, beta, Variable(draw({3, 5, 30, 31}, 4), true)};
  expect_one_rounding(
      [](const Variables& v) {
        return F::batch_normalization(v[0], v[1], v[2], nullptr, nullptr, {.relu = true}, &v[3]);
      },
      x, 4);
}

TEST_P(HalfFunctionTest, BatchNormalizationHasASecondGradientWithFloat32Parameters) {
  const Variable x(draw({4, 3, 5, 5}, 1), true), gamma(ones({3}), true), beta(zeros({3}), true);
  const auto square_of_gradient = [](const Variable& input, const Variable& g, const Variable& b) {
    const Variable y =
        F::sum(F::batch_normalization(input, g, b) * Variable(random_array(input.shape(), 9, input.dtype())));
    const Variable gx = grad(Variables{y}, Variables{input}, {}, {.enable_double_backprop = true})[0];
    return grad(Variables{F::sum(gx * gx)}, Variables{input})[0];
  };
  const Variable found = square_of_gradient(x, gamma, beta);
  const Variable exact = square_of_gradient(wide(x), wide(gamma), wide(beta));
  EXPECT_EQ(found.dtype(), half());
  EXPECT_TRUE(near(found.array(), exact.array(), 30 * rounding()));
}

TEST_P(HalfFunctionTest, LayerNormalizationWithFloat32Parameters) {
  const Variable gamma(random_array({40}, 2, Dtype::kFloat32), true),
      beta(random_array({40}, 3, Dtype::kFloat32), true);
  const Variables x = {Variable(draw({6, 40}, 1), true), gamma, beta};
  expect_one_rounding([](const Variables& v) { return F::layer_normalization(v[0], v[1], v[2]); }, x, 4);
}

TEST_P(HalfFunctionTest, CrossEntropyIsFloat32) {
  const Variable x(draw({4, 9}, 1), true);
  const Variable loss = F::softmax_cross_entropy(x, array({1, 2, 3, 4}, {4}));
  EXPECT_EQ(loss.dtype(), Dtype::kFloat32);
  loss.backward();
  EXPECT_EQ(x.grad().dtype(), half());
}

TEST_P(HalfFunctionTest, TheMeanOfManyDoesNotOverflow) {
  EXPECT_EQ(F::mean(Variable(full({300, 300}, 3, half()))).item<double>(), 3);
}

TEST_P(HalfFunctionTest, WeightedAveragesAndSumsOfExponentialsDoNotOverflow) {
  const Variable x(full({100}, 1000, half())), one(full({100}, 1, half()));
  EXPECT_EQ(F::average(x, {0}, &one).dtype(), half());
  EXPECT_EQ(F::average(x, {0}, &one).item<double>(), 1000);
  EXPECT_NEAR(F::logsumexp(zeros({70000}, half())).item<double>(), std::log(70000), 11 * rounding());
}

TEST_P(HalfFunctionTest, SquaresOfLargeNumbersDoNotOverflow) {
  const Variable x(full({1, 3}, 300, half()), true);
  EXPECT_NEAR(F::local_response_normalization(x).array().to(Dtype::kFloat32).data<float>()[1], 300 / std::pow(29, 0.75),
              60 * rounding());
  F::sum(F::arctan2(x, x)).backward();
  EXPECT_NEAR(to_vector<float>(x.grad())[0], 0, 1e-3);
  const Variable y(full({1, 3}, 300, half()), true);
  F::sum(F::arctan2(y, zeros({1, 3}, half()) + 1.0)).backward();
  EXPECT_GT(to_vector<float>(y.grad())[0], 0);
}

TEST_P(HalfFunctionTest, TheAverageOfAWindowDoesNotOverflow) {
  const Array line = full({1, 1, 64}, 2000.0, half()), picture = full({1, 1, 8, 8}, 2000.0, half());
  for (const std::optional<double> pad_value : {std::optional<double>(), std::optional<double>(0)}) {
    const Variable y = F::average_pooling_1d(line, 64, {.pad_value = pad_value});
    EXPECT_EQ(y.dtype(), half());
    EXPECT_EQ(y.item<double>(), 2000);
  }
  const Array rois = array<double>({0, 0, 8, 8}, {1, 4}), first = zeros({1}, Dtype::kInt64);
  for (const auto pool : {F::roi_average_pooling_2d, F::roi_average_align_2d}) {
    const Variable y = pool(picture, rois, first, {.height = 1, .width = 1});
    EXPECT_EQ(y.dtype(), half());
    EXPECT_EQ(y.item<double>(), 2000);
  }
}

TEST_P(HalfFunctionTest, LossesOfManyAndTheLengthOfLargeNumbersDoNotOverflow) {
  const Variable x(zeros({128, 1000}, half())), large(full({1, 4}, 200, half()));
  EXPECT_NEAR(F::sigmoid_cross_entropy(x, zeros(x.shape(), Dtype::kInt32)).item<double>(), std::log(2), rounding());
  EXPECT_NEAR(F::hinge(x, zeros({128}, Dtype::kInt32)).item<double>(), 1000, 4);
  EXPECT_TRUE(near(F::normalize(large).array(), full({1, 4}, 0.5, half()), rounding()));
  std::vector<float> signs(4000, 5);
  for (std::size_t i = 0; i < signs.size(); i += 2) signs[i] = -5;
  const Variable h(array(signs, {4000, 1}).to(half()));
  EXPECT_NEAR(F::cross_covariance(h, h).item<double>(), 0.5 * 25 * 25, 1);
  EXPECT_NEAR(F::decov(F::concat({h, h}, 1)).item<double>(), 25 * 25, 4);
}

TEST_P(HalfFunctionTest, AnEmptyBatchIsEmpty) {
  const Variable x(zeros({0, 3, 8, 8}, half()), true), W(draw({4, 3, 3, 3}, 1), true);
  const Variable y = F::convolution_2d(x, W);
  EXPECT_EQ(y.shape(), (Shape{0, 4, 6, 6}));
  const Variables gx = grad({y}, {x, W}, {Variable(zeros(y.shape(), half()))});
  EXPECT_THAT(to_vector<float>(gx[1].array()), ::testing::Each(0.0f));
}

TEST_P(HalfFunctionTest, ALinkKeepsStatisticsInFloat32) {
  BatchNormalization link({.size = 3, .dtype = half()});
  EXPECT_EQ(link.gamma.dtype(), Dtype::kFloat32);
  EXPECT_EQ(link.avg_var.dtype(), Dtype::kFloat32);
  EXPECT_EQ(link(Variable(draw({8, 3}, 1))).dtype(), half());
}

INSTANTIATE_TEST_SUITE_P(Halves, HalfFunctionTest, ::testing::Values(Dtype::kFloat16, Dtype::kBFloat16),
                         [](const auto& each) { return std::string(name(each.param)); });

}  // namespace
}  // namespace rensa
