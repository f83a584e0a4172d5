#include "core/links/normalized_convolution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <limits>
#include <thread>
#include <vector>

#include "core/autograd/gradient_check.h"
#include "core/autograd/inference_mode.h"
#include "core/error.h"
#include "core/functions/activation.h"
#include "core/functions/arithmetic.h"
#include "core/functions/convolution.h"
#include "core/models/resnet.h"
#include "tests/support/golden_file.h"

namespace rensa {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

struct Pair : Link {
  Convolution2D convolution;
  BatchNormalization normalization;

  explicit Pair(const Convolution2DOptions& o) : Pair(o, {.size = o.out, .dtype = o.dtype}) {}
  Pair(const Convolution2DOptions& o, const BatchNormalizationLinkOptions& n) : convolution(o), normalization(n) {
    add("convolution", convolution);
    add("normalization", normalization);
    std::uint64_t seed = 10;
    for (const NamedParameter& named : named_parameters()) {
      named.parameter->array().copy_from(random_array(named.parameter->shape(), seed++));
    }
    normalization.avg_mean.copy_from(random_array({n.size}, 20));
    normalization.avg_var.copy_from(
        (Variable(random_array({n.size}, 21)) * Variable(random_array({n.size}, 21)) + 0.1).array());
  }
};

Variable one_after_the_other(Pair& pair, const Variable& x, const AfterNormalization& after) {
  Variable y = pair.normalization(pair.convolution(x));
  if (after.residual) y = y + *after.residual;
  return after.relu ? functions::relu(y) : y;
}

const std::vector<Convolution2DOptions>& forms(Dtype dtype) {
  static std::vector<Convolution2DOptions> all;
  all = {{.in = 16, .out = 24, .window = {.pad = {1, 1}}, .bias = false, .dtype = dtype},
         {.in = 8, .out = 16, .window = {.stride = {2, 1}, .dilate = {1, 2}, .groups = 4}, .dtype = dtype},
         {.in = 3, .out = 5, .kernel = {1, 1}, .dtype = dtype}};
  return all;
}

TEST(NormalizedConvolutionTest, EqualsTheLayersOneAfterTheOther) {
  for (const Dtype dtype : {Dtype::kFloat64, Dtype::kFloat32}) {
    for (const Convolution2DOptions& form : forms(dtype)) {
      Pair pair(form);
      const Variable x = random_array({2, form.in, 9, 8}, 1, dtype);
      for (const bool relu : {false, true}) {
        for (const bool with_residual : {false, true}) {
          const InferenceMode scope;
          const Variable residual = random_array(pair.convolution(x).shape(), 2, dtype);
          const AfterNormalization after{.residual = with_residual ? &residual : nullptr, .relu = relu};
          const Array folded = normalized_convolution(pair.convolution, pair.normalization, x, after).array();
          const Array expected = one_after_the_other(pair, x, after).array();
          EXPECT_TRUE(
              rensa::testing::near(folded, expected.to(Dtype::kFloat64), dtype == Dtype::kFloat64 ? 1e-12 : 1e-4));
        }
      }
    }
  }
}

TEST(NormalizedConvolutionTest, FoldsNormalizationsWithoutGammaOrBetaAndLeavesOthersAlone) {
  const Convolution2DOptions form = forms(Dtype::kFloat64)[0];
  const Variable x = random_array({2, form.in, 5, 4}, 1);
  for (BatchNormalizationLinkOptions o :
       {BatchNormalizationLinkOptions{.use_gamma = false}, BatchNormalizationLinkOptions{.use_beta = false},
        BatchNormalizationLinkOptions{.axis = {0, 1, 2}}}) {
    o.dtype = Dtype::kFloat64;
    const bool is_folded = o.axis.empty();
    o.size = is_folded ? form.out : x.shape()[3];
    Pair pair(form, o);
    const InferenceMode scope;
    EXPECT_TRUE(rensa::testing::near(normalized_convolution(pair.convolution, pair.normalization, x).array(),
                                     one_after_the_other(pair, x, {}).array(), 1e-12));
    EXPECT_EQ(pair.normalization.is_of_channels(), is_folded);
  }
}

TEST(NormalizedConvolutionTest, TrainsLikeTheLayersOneAfterTheOther) {
  Pair joined(forms(Dtype::kFloat64)[0]), apart(forms(Dtype::kFloat64)[0]);
  const Variable x = random_array({2, 16, 6, 5}, 1), residual = random_array({2, 24, 6, 5}, 2);
  const AfterNormalization after{.residual = &residual, .relu = true};
  const Variable y = normalized_convolution(joined.convolution, joined.normalization, x, after);
  const Variable expected = one_after_the_other(apart, x, after);
  EXPECT_TRUE(rensa::testing::near(y.array(), expected.array(), 1e-12));
  EXPECT_TRUE(rensa::testing::near(joined.normalization.avg_var, apart.normalization.avg_var, 1e-12));
  EXPECT_NE(y.creator(), nullptr);
}

TEST(NormalizedConvolutionTest, LetsNotANumberThroughRelu) {
  for (const Dtype dtype : {Dtype::kFloat64, Dtype::kFloat32, Dtype::kBFloat16, Dtype::kFloat16}) {
    const Variable x(random_array({1, 4, 5, 5}, 1).to(dtype)), W(random_array({3, 4, 1, 1}, 2).to(dtype));
    x.array().select(0, 0).select(2, 3).select(1, 2).fill(std::numeric_limits<double>::quiet_NaN());
    const Array y = functions::fused_convolution_2d(x, W, nullptr, {}, nullptr, /*relu=*/true).array();
    int nans = 0, negative = 0;
    for (const double value : to_vector<double>(y.to(Dtype::kFloat64))) {
      nans += std::isnan(value);
      negative += value < 0;
    }
    EXPECT_EQ(nans, 3) << dtype;  // one pixel of three channels
    EXPECT_EQ(negative, 0) << dtype;
  }
}

TEST(NormalizedConvolutionTest, RefusesAResidualOfAnotherShape) {
  Pair pair(forms(Dtype::kFloat32)[0]);
  const InferenceMode scope;
  const Variable residual = zeros({2, 24, 5, 5});
  EXPECT_THAT(
      [&] {
        normalized_convolution(pair.convolution, pair.normalization, zeros({2, 16, 6, 6}), {.residual = &residual});
      },
      ThrowsMessage<ShapeError>(AllOf(HasSubstr("(2, 24, 5, 5)"), HasSubstr("(2, 24, 6, 6)"))));
}

TEST(InferenceModeTest, RecordsNoGraph) {
  Pair pair(forms(Dtype::kFloat32)[0]);
  const InferenceMode scope;
  const Variable y = normalized_convolution(pair.convolution, pair.normalization, zeros({1, 16, 4, 4}), {.relu = true});
  EXPECT_EQ(y.creator(), nullptr);
  EXPECT_FALSE(y.requires_grad());
}

TEST(InferenceModeTest, DerivesOnceInTheOutermostScope) {
  const Array weights = ones({3});
  int made = 0;
  const auto derive = [&] {
    return InferenceMode::derived({weights}, [&] {
      ++made;
      return std::vector<Array>{weights.copy()};
    })[0];
  };
  for (int i = 0; i < 2; ++i) {
    const InferenceMode scope;
    derive();
    {
      const InferenceMode inner;
      derive();
    }
    derive();
    EXPECT_EQ(made, i + 1);
  }
  EXPECT_THROW(derive(), ValueError);
}

TEST(InferenceModeTest, TakesNewWeightsInTheNextScope) {
  Pair pair(forms(Dtype::kFloat64)[2]);
  const Variable x = ones({1, 3, 1, 1}, Dtype::kFloat64);
  const auto answer = [&] {
    const InferenceMode scope;
    return to_vector<double>(normalized_convolution(pair.convolution, pair.normalization, x).array());
  };
  const std::vector<double> before = answer();
  pair.convolution.W.array().fill(0.5);
  EXPECT_NE(answer(), before);
}

TEST(InferenceModeTest, IsNotActiveInsideAnotherScopeWithinIt) {
  const InferenceMode scope;
  EXPECT_TRUE(InferenceMode::is_active());
  const ForceBackpropMode inner;
  EXPECT_FALSE(InferenceMode::is_active());
}

TEST(InferenceModeTest, SeveralThreadsMayAskOneNetwork) {
  const auto network = models::resnet18({.classes = 7, .width = 8});
  std::vector<Array> pictures;
  for (std::uint64_t seed = 0; seed < 6; ++seed)
    pictures.push_back(random_array({1, 3, 40, 48}, seed, Dtype::kFloat32));
  const auto answers = [&] {
    omp_set_num_threads(1);  // threads of one's own and a team for each of them would only be in each other's way
    std::vector<std::vector<float>> result;
    const InferenceMode scope;
    for (const Array& picture : pictures) result.push_back(to_vector<float>((*network)(picture).array()));
    return result;
  };
  std::vector<std::vector<std::vector<float>>> found(4);
  std::vector<std::thread> threads;
  for (auto& result : found) threads.emplace_back([&] { result = answers(); });
  for (std::thread& thread : threads) thread.join();
  std::vector<std::vector<float>> expected;
  std::thread([&] { expected = answers(); }).join();
  for (const auto& result : found) EXPECT_EQ(result, expected);
}

}  // namespace
}  // namespace rensa
