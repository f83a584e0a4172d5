#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/kernels/optimizer.h"
#include "core/kernels/optimizer_rules.h"
#include "core/optimizers/loss_scale.h"

namespace rensa {
namespace {

using namespace kernels::formulas;
using ::testing::Each;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Array control_of(const std::vector<double>& numbers) { return array(numbers, {kStepControls}); }
Array fresh_control(double scale = 1) { return control_of({0, 0, 0, scale, 0}); }
Array squares(double value) { return full({1}, value, Dtype::kFloat64); }

TEST(StepControlTest, ADynamicScaleMovesAsTheHostsDoes) {
  LossScale expected = LossScale::dynamic(3);
  const Array control = fresh_control();
  const double* const found = control.data<double>();
  int left_out = 0;
  for (int i = 0; i < 60; ++i) {
    const bool finite = i < 5 || i % 4 != 0;
    const double scale = expected.value();
    kernels::decide_step(control,
                         squares(finite       ? 2
                                 : i % 8 == 0 ? kInfinity
                                              : std::nan("")),
                         {.dynamic = true, .growth = expected.growth()});
    expected.after_step(finite);
    left_out += finite ? 0 : 1;
    EXPECT_EQ(found[kLossScale], expected.value());
    EXPECT_EQ(found[kSettled] != 0, expected.is_settled());
    EXPECT_EQ(found[kMade], finite ? 1 : 0);
    EXPECT_EQ(found[kLeftOut], left_out);
    EXPECT_EQ(found[kFactor], 1 / scale);
  }
}

TEST(StepControlTest, TheNormIsClippedBehindTheLossScale) {
  const Array control = fresh_control(4);
  const double* const found = control.data<double>();
  kernels::decide_step(control, squares(64), {.dynamic = true, .clip_norm = 0.5});  // norm 2 without the scale
  EXPECT_DOUBLE_EQ(found[kFactor], 0.25 * 0.25);
  kernels::decide_step(control, squares(64), {.unscale = 0.5, .clip_norm = 8});
  EXPECT_DOUBLE_EQ(found[kFactor], 0.5);
  kernels::decide_step(control, squares(64), {.unscale = 0.5, .clip_norm = 2});
  EXPECT_DOUBLE_EQ(found[kFactor], 0.25);
  kernels::decide_step(control, squares(kInfinity), {.unscale = 0.5});
  EXPECT_EQ(found[kMade], 1);  // without a dynamic scale every step is made
}

TEST(StepControlTest, RulesFollowIt) {
  const Array made = control_of({0.25, 1, 0, 1, 0}), left_out = control_of({0.25, 0, 1, 1, 0});
  const auto intake = [](const Array& control) {
    return kernels::GradientIntake{.scale = 2, .control = control.data<double>()};
  };
  const Array g = full({5}, 8, Dtype::kFloat32);
  Array p = ones({5});
  kernels::sgd_update(p, g, 0.5, intake(left_out));
  EXPECT_THAT(to_vector<float>(p), Each(1.0f));
  kernels::sgd_update(p, g, 0.5, intake(made));
  EXPECT_THAT(to_vector<float>(p), Each(1.0f - 0.5f * 4));
  Array v = zeros({5});
  p = ones({5});
  kernels::momentum_sgd_update(p, g, v, 0.5, 0.9, intake(left_out));
  kernels::nesterov_ag_update(p, g, v, 0.5, 0.9, intake(left_out));
  kernels::adagrad_update(p, g, {v}, {0.5, 1e-8}, intake(left_out));
  EXPECT_THAT(to_vector<float>(p), Each(1.0f));
  EXPECT_THAT(to_vector<float>(v), Each(0.0f));
  kernels::momentum_sgd_update(p, g, v, 0.5, 0.9, intake(made));
  EXPECT_THAT(to_vector<float>(v), Each(-2.0f));
}

TEST(StepControlTest, AdamCountsTheStepsThatWereMade) {
  const Array control = control_of({1, 1, 3, 1, 1});  // three were left out
  const Array g = full({5}, 0.5, Dtype::kFloat32);
  const auto run = [&](double t, const double* numbers) {
    Array p = ones({5}), m = zeros({5}), v = zeros({5});
    kernels::adam_update(p, g, m, v,
                         {.beta1 = 0.9,
                          .beta2 = 0.999,
                          .eps = 1e-8,
                          .step = adam_size(0.01, 0.9, 0.999, t),
                          .decay = 0,
                          .alpha = 0.01,
                          .t = t},
                         {.control = numbers});
    return to_vector<float>(p);
  };
  EXPECT_EQ(run(7, control.data<double>()), run(4, nullptr));
}

}  // namespace
}  // namespace rensa
