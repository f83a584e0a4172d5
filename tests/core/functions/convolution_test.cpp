#include "core/functions/convolution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "core/autograd/config.h"
#include "core/autograd/gradient_check.h"
#include "core/autograd/parameter.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/reduction.h"
#include "tests/support/golden_file.h"

namespace rensa {
namespace {

namespace F = functions;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

F::ConvolutionOptions options_of(const nlohmann::json& o) {
  F::ConvolutionOptions options;
  for (std::size_t i = 0; i < 2; ++i) {
    options.stride[i] = o.at("stride")[i];
    options.pad[i] = o.at("pad")[i];
    options.dilate[i] = o.at("dilate")[i];
  }
  options.groups = o.at("groups");
  return options;
}

class ConvolutionTest : public ::testing::TestWithParam<Dtype> {};

TEST_P(ConvolutionTest, EqualsPyTorch) {
  const double tolerance = GetParam() == Dtype::kFloat64 ? 1e-13 : 1e-4;
  const nlohmann::json file = rensa::testing::golden_file("convolution");
  for (const auto& entry : file.at("cases")) {
    SCOPED_TRACE(entry.at("name").get<std::string>());
    const auto& inputs = entry.at("inputs");
    const auto leaf = [&](const char* key) {
      return Variable(rensa::testing::golden_array(inputs.at(key), GetParam()), true);
    };
    Variable x = leaf("x"), W = leaf("W"), b = inputs.contains("b") ? leaf("b") : Variable();
    Variable y = F::convolution_2d(x, W, b ? &b : nullptr, options_of(entry.at("options")));
    EXPECT_TRUE(rensa::testing::near(y.array(), rensa::testing::golden_array(entry.at("output")), tolerance));
    y.set_grad(rensa::testing::golden_array(entry.at("gy"), GetParam()));
    y.backward();
    const auto expect_gradient = [&](const char* key, const Variable& v) {
      const Array expected = rensa::testing::golden_array(entry.at("gradients").at(key));
      EXPECT_TRUE(rensa::testing::near(v.grad(), expected, tolerance)) << key;
    };
    expect_gradient("x", x);
    expect_gradient("W", W);
    if (b) expect_gradient("b", b);
  }
}

INSTANTIATE_TEST_SUITE_P(Dtypes, ConvolutionTest, ::testing::Values(Dtype::kFloat32, Dtype::kFloat64));

struct Case {
  Shape x, W;
  F::ConvolutionOptions options;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {{2, 4, 5, 6}, {6, 2, 3, 3}, {.stride = {2, 1}, .pad = {1, 0}, .groups = 2}},
      {{1, 2, 7, 7}, {3, 2, 2, 3}, {.pad = {2, 1}, .dilate = {2, 2}}},
      {{2, 3, 4, 4}, {5, 3, 1, 1}, {.stride = {2, 2}}},
  };
  return all;
}

TEST(Convolution2DTest, GradientsMatchCentralDifferences) {
  for (const Case& c : cases()) {
    const auto f = [&](const Variables& v) { return Variables{F::convolution_2d(v[0], v[1], &v[2], c.options)}; };
    const std::vector<Array> inputs = {random_array(c.x, 1), random_array(c.W, 2), random_array({c.W[0]}, 3)};
    check_gradient(f, inputs);
    check_double_gradient(f, inputs);
  }
}

/// The second derivatives of the float32 kernels against those of float64.
TEST(Convolution2DTest, SecondDerivativesAgreeInBothTypes) {
  for (const Case& c : cases()) {
    const auto second = [&](Dtype dtype) {
      Variable x(random_array(c.x, 4).to(dtype), true), W(random_array(c.W, 5).to(dtype), true);
      const Variable y = F::convolution_2d(x, W, nullptr, c.options);
      const Variables first = grad({F::sum(y * y)}, {x, W}, {}, {.enable_double_backprop = true});
      return grad({F::sum(first[0] * first[0]) + F::sum(first[1] * first[1])}, {x, W});
    };
    const Variables exact = second(Dtype::kFloat64), found = second(Dtype::kFloat32);
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_TRUE(rensa::testing::near(found[i].array(), exact[i].array().contiguous(), 1e-3)) << i;
    }
  }
}

/// set_grad() takes any dtype.
TEST(Convolution2DTest, AGradientOfAnotherDtypeIsTaken) {
  const auto gradients_of = [](Dtype gy) {
    Variable x(random_array({2, 96, 9, 8}, 1).to(Dtype::kBFloat16), true),
        W(random_array({96, 96, 1, 1}, 2).to(x.dtype()), true);
    Variable y = F::convolution_2d(x, W);
    y.set_grad(random_array(y.shape(), 3).to(Dtype::kBFloat16).to(gy));
    y.backward();
    return std::pair(to_vector<float>(x.grad()), to_vector<float>(W.grad()));
  };
  EXPECT_EQ(gradients_of(Dtype::kFloat32), gradients_of(Dtype::kBFloat16));
}

TEST(Convolution2DTest, NotANumberPassesPointwiseReluToo) {
  const Array x = random_array({2, 260, 6, 5}, 6, Dtype::kFloat32),
              W = random_array({96, 260, 1, 1}, 7, Dtype::kFloat32);
  x.select(0, 1).select(1, 2).select(1, 3).fill(std::numeric_limits<double>::quiet_NaN());
  const NoBackpropMode scope;
  const Array y = F::fused_convolution_2d(x, W, nullptr, {}, nullptr, /*relu=*/true).array();
  const auto found = to_vector<float>(y.contiguous());
  EXPECT_EQ(std::count_if(found.begin(), found.end(), [](float v) { return std::isnan(v); }), 96);
  EXPECT_TRUE(std::none_of(found.begin(), found.end(), [](float v) { return v < 0; }));
}

TEST(Convolution2DTest, TakesAnyLayoutAndGivesChannelsLast) {
  const Array x = random_array({2, 16, 6, 5}, 6, Dtype::kFloat32), W = random_array({8, 16, 3, 3}, 7, Dtype::kFloat32);
  const Array expected = F::convolution_2d(x, W).array();
  EXPECT_TRUE(expected.is_channels_last());
  const Array odd = random_array({5, 6, 16, 2}, 0, Dtype::kFloat32).transpose();
  odd.copy_from(x);
  EXPECT_EQ(to_vector<float>(F::convolution_2d(odd, W).array()), to_vector<float>(expected));
  EXPECT_EQ(to_vector<float>(F::convolution_2d(x.channels_last(), W).array()), to_vector<float>(expected));
}

TEST(Convolution2DTest, WritesTheWeightGradientWhereItStays) {
  Parameter W({8, 16, 3, 3}, init::normal());
  const Array place = zeros({8, 16, 3, 3});
  W.set_grad_destination(place);
  F::sum(F::convolution_2d(random_array({2, 16, 6, 5}, 6, Dtype::kFloat32), W)).backward();
  EXPECT_EQ(W.grad().raw_data(), place.raw_data());
}

TEST(Convolution2DTest, NamesWhatDoesNotFit) {
  EXPECT_THAT([] { F::convolution_2d(zeros({1, 3, 4, 4}), zeros({2, 4, 3, 3})); },
              ThrowsMessage<ShapeError>(AllOf(HasSubstr("(1, 3, 4, 4)"), HasSubstr("(2, 4, 3, 3)"))));
  EXPECT_THAT([] { F::convolution_2d(zeros({1, 3, 2, 2}), zeros({2, 3, 3, 3})); },
              ThrowsMessage<ShapeError>(HasSubstr("window of 3 pixels does not fit into 2")));
  EXPECT_THAT([] { F::convolution_2d(zeros({1, 6, 4, 4}), zeros({4, 2, 3, 3}), nullptr, {.groups = 3}); },
              ThrowsMessage<ShapeError>(HasSubstr("4 filters, which are not divisible into 3 groups")));
  const Shape pictures = {1, 3, 4, 4}, filters = {2, 3, 3, 3};
  for (int axis = 0; axis < 4; ++axis) {
    Shape x = pictures, W = filters;
    W[axis] = 0;
    if (axis > 0) x[axis] = 0;
    EXPECT_THAT([&] { F::convolution_2d(zeros(pictures), zeros(W)); }, ThrowsMessage<ShapeError>(HasSubstr("size 0")));
    if (axis == 0) continue;
    const auto convolve = [&] { F::convolution_2d(zeros(x), zeros(filters), nullptr, {.pad = {2, 2}}); };
    EXPECT_THAT(convolve, ThrowsMessage<ShapeError>(HasSubstr("only the batch may have size 0")));
  }
  EXPECT_THROW(F::convolution_2d(zeros({3, 4, 4}), zeros({2, 3, 3, 3})), ShapeError);
  EXPECT_THROW(F::convolution_2d(zeros({1, 3, 4, 4}), zeros({2, 3, 3, 3}), nullptr, {.stride = {0, 1}}), ValueError);
  EXPECT_THROW(F::convolution_2d(zeros({1, 3, 4, 4}), zeros({2, 3, 3, 3}, Dtype::kFloat64)), DtypeError);
  const Variable residual(zeros({1, 2, 2, 2}, Dtype::kBFloat16));
  EXPECT_THAT([&] { F::fused_convolution_2d(zeros(pictures), zeros(filters), nullptr, {}, &residual, true); },
              ThrowsMessage<DtypeError>(HasSubstr("the residual is bfloat16")));
}

}  // namespace
}  // namespace rensa
