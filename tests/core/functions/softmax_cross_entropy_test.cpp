#include "core/functions/softmax_cross_entropy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/autograd/gradient_check.h"
#include "core/autograd/inference_mode.h"
#include "core/device/random.h"
#include "core/error.h"
#include "core/functions/accuracy.h"
#include "core/functions/dropout.h"
#include "core/kernels/softmax.h"
#include "tests/support/emulated_gpu.h"
#include "tests/support/golden_file.h"

namespace rensa {
namespace {

namespace F = functions;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(SoftmaxCrossEntropyTest, EqualsPyTorch) {
  const nlohmann::json file = rensa::testing::golden_file("softmax_cross_entropy");
  for (const auto& entry : file.at("cases")) {
    SCOPED_TRACE(entry.at("name").get<std::string>());
    const auto& options = entry.at("options");
    Variable x(rensa::testing::golden_array(entry.at("inputs").at("x")), /*requires_grad=*/true);
    const Array t = rensa::testing::golden_array(entry.at("inputs").at("t"), Dtype::kInt64);
    Variable loss = F::softmax_cross_entropy(
        x, t, {.label_smoothing = options.at("label_smoothing"), .ignore_label = options.at("ignore_label")});
    EXPECT_TRUE(rensa::testing::near(loss.array(), rensa::testing::golden_array(entry.at("output")), 1e-13));
    loss.set_grad(rensa::testing::golden_array(entry.at("gy")));
    loss.backward();
    EXPECT_TRUE(rensa::testing::near(x.grad(), rensa::testing::golden_array(entry.at("gradients").at("x")), 1e-13));
  }
}

TEST(SoftmaxCrossEntropyTest, GradientsMatchCentralDifferences) {
  const Array t = array<std::int32_t>({2, -1, 0, 1});
  for (const auto reduce : {F::LossReduce::kMean, F::LossReduce::kNone}) {
    const auto f = [&](const Variable& x) {
      return F::softmax_cross_entropy(x, t, {.label_smoothing = 0.1, .reduce = reduce});
    };
    check_gradient(f, random_array({4, 3}, 1));
    check_double_gradient(f, random_array({4, 3}, 1));
  }
}

TEST(SoftmaxCrossEntropyTest, TakesPicturesOfLabels) {
  const Array t = array<std::int32_t>({0, 1, 2, 1, 0, 2, 1, 1}, {2, 2, 2});
  const auto f = [&](const Variable& x) { return F::softmax_cross_entropy(x, t); };
  check_gradient(f, random_array({2, 3, 2, 2}, 2).channels_last());
  check_double_gradient(f, random_array({2, 3, 2, 2}, 2));
}

TEST(SoftmaxCrossEntropyTest, IsZeroWhenEveryLabelIsIgnored) {
  Variable x(random_array({2, 3}, 3), /*requires_grad=*/true);
  Variable loss = F::softmax_cross_entropy(x, array<std::int32_t>({-1, -1}));
  EXPECT_EQ(loss.item<double>(), 0);
  loss.backward();
  EXPECT_THAT(to_vector<double>(x.grad()), ::testing::Each(0.0));
}

TEST(SoftmaxCrossEntropyTest, DoesNotOverflow) {
  const Variable x = array<float>({1e4f, -1e4f, 3e38f, 0}, {2, 2});
  EXPECT_EQ(F::softmax_cross_entropy(x, array<std::int32_t>({0, 0})).item<float>(), 0);
}

TEST(SoftmaxCrossEntropyTest, InFloat32IsNearFloat64AndTheSameWithoutTheLinesSums) {
  for (const std::int64_t classes : {3, 100, 3000}) {
    for (const double smoothing : {0.0, 0.1}) {
      const Array x = random_array({5, classes}, 1), g = random_array({5}, 2);
      const kernels::ClassTargets targets{array<std::int32_t>({0, 2, -1, 1, 2}), smoothing, -1};
      const auto run = [&](Dtype dtype, bool keep) {
        const auto [losses, sums] = kernels::softmax_cross_entropy(x.to(dtype), targets);
        const Array gx = kernels::softmax_cross_entropy_grad(x.to(dtype), targets, g.to(dtype), keep ? sums : Array());
        return std::array{to_vector<double>(losses), to_vector<double>(gx)};
      };
      const auto found = run(Dtype::kFloat32, true), expected = run(Dtype::kFloat64, true);
      EXPECT_EQ(found, run(Dtype::kFloat32, false));
      EXPECT_EQ(expected, run(Dtype::kFloat64, false));
      for (std::size_t part = 0; part < 2; ++part) {
        for (std::size_t i = 0; i < found[part].size(); ++i) {
          ASSERT_NEAR(found[part][i], expected[part][i], 2e-6 + 2e-6 * std::abs(expected[part][i]))
              << part << ", " << i;
        }
      }
      EXPECT_EQ(found[0][2], 0);
    }
  }
}

/// On a GPU a label out of range has a loss that is no number, and then a weight too.
TEST(SoftmaxCrossEntropyTest, ALabelOutOfRangeOnAGpuHasNoWeightOfAClass) {
  const rensa::testing::EmulatedGpus gpus;
  const Device gpu{DeviceKind::kCuda, 0};
  const Array x = random_array({2, 3}, 1).to(gpu), t = array<std::int32_t>({0, 1 << 29}).to(gpu);
  kernels::softmax_cross_entropy.implement(DeviceKind::kCuda, [](const Array& lines, const kernels::ClassTargets&) {
    const Array losses = full({lines.shape()[0]}, NAN, lines.dtype(), lines.device());
    return std::array<Array, 2>{losses, Array()};  // the CPU's kernel throws, the GPU's does not
  });
  const F::SoftmaxCrossEntropyOptions options{.reduce = F::LossReduce::kNone, .class_weight = array<float>({1, 2, 3})};
  const std::vector<double> losses = to_vector<double>(F::softmax_cross_entropy(x, t, options).array());
  EXPECT_TRUE(std::isnan(losses[1]));
}

TEST(SoftmaxCrossEntropyTest, NamesALabelOutOfRangeAndShapesThatDiffer) {
  EXPECT_THAT([] { F::softmax_cross_entropy(zeros({2, 3}), array<std::int32_t>({0, 3})); },
              ThrowsMessage<ValueError>(HasSubstr("label 1 is 3, expected 0 to 2")));
  EXPECT_THAT([] { F::softmax_cross_entropy(zeros({2, 3}), array<std::int32_t>({0, 1, 2})); },
              ThrowsMessage<ShapeError>(AllOf(HasSubstr("(2, 3)"), HasSubstr("(3,)"))));
  EXPECT_THROW(F::softmax_cross_entropy(zeros({2, 3}), zeros({2})), DtypeError);
  EXPECT_THROW(F::softmax_cross_entropy(zeros({1, 3}), array<std::int32_t>({0}), {.label_smoothing = 1}), ValueError);
}

TEST(AccuracyTest, CountsTheLargestScore) {
  const Array y = array<float>({1, 2, 3, 9, 2, 3, 5, 5, 0}, {3, 3});
  EXPECT_DOUBLE_EQ(F::accuracy(y, array<std::int32_t>({2, 0, 0})), 1.0);
  EXPECT_DOUBLE_EQ(F::accuracy(y, array<std::int32_t>({2, 1, 1})), 1.0 / 3);
  EXPECT_DOUBLE_EQ(F::accuracy(y, array<std::int32_t>({2, -1, 1}), {.ignore_label = -1}), 0.5);
  EXPECT_DOUBLE_EQ(F::top_k_accuracy(y, array<std::int32_t>({1, 2, 1}), 2), 1.0);
  EXPECT_THROW(F::top_k_accuracy(y, array<std::int32_t>({1, 2, 1}), 0), ValueError);
  EXPECT_THROW(F::accuracy(y, array<std::int32_t>({1, 2})), ShapeError);
}

TEST(DropoutTest, DropsTheRatioAndKeepsTheMean) {
  random_context() = {.seed = 1};
  const std::vector<float> y = to_vector<float>(F::dropout(ones({100, 100}), 0.25).array());
  const auto kept = std::count_if(y.begin(), y.end(), [](float v) { return v != 0; });
  EXPECT_NEAR(static_cast<double>(kept) / 1e4, 0.75, 0.02);
  for (const float v : y) EXPECT_TRUE(v == 0 || v == 1 / 0.75f);
}

TEST(DropoutTest, ASamplesChoiceDependsOnItsNumberAndTheUseOnly) {
  random_context() = {.seed = 1, .step = 2};
  const Array whole = F::dropout(ones({4, 7})).array();
  const Array second_use = F::dropout(ones({4, 7})).array();
  random_context() = {.seed = 1, .step = 2, .first_sample = 2};
  const Array part = F::dropout(ones({2, 7})).array();
  EXPECT_EQ(to_vector<float>(whole.slice(0, {.start = 2})), to_vector<float>(part));
  EXPECT_NE(to_vector<float>(whole), to_vector<float>(second_use));
}

TEST(DropoutTest, GradientUsesTheSameChoice) {
  const auto f = [](const Variable& x) {
    random_context() = {.seed = 3};
    return F::dropout(x, 0.4);
  };
  check_gradient(f, random_array({3, 5}, 4));
  check_double_gradient(f, random_array({3, 5}, 4));
}

TEST(DropoutTest, PassesEverythingWhenNotTraining) {
  const InferenceMode scope;
  const Array x = random_array({3, 5}, 5);
  EXPECT_EQ(F::dropout(x, 0.9).array().raw_data(), x.raw_data());
  EXPECT_THROW(F::dropout(x, 1), ValueError);
}

}  // namespace
}  // namespace rensa
