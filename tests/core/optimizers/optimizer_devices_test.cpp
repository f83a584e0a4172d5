#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "core/autograd/gradient_check.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/initializers/initializer.h"
#include "core/kernels/optimizer.h"
#include "core/links/link.h"
#include "core/optimizers/make_optimizer.h"
#include "tests/support/emulated_gpu.h"

namespace rensa {
namespace {

constexpr Device kHost, kGpu{DeviceKind::kCuda, 0}, kOther{DeviceKind::kCuda, 1};

struct Pair : Link {
  Parameter a{Shape{4}, init::ones()}, b{Shape{3, 2}, init::ones()};
  Pair() {
    add("a", a);
    add("b", b);
  }
};

/// The weights after two steps, with the parameters on two devices and `factor` times the same random gradients.
std::vector<float> trained(std::unique_ptr<Optimizer> optimizer, Device of_a, Device of_b, double factor = 1) {
  Pair model;
  model.a.to(of_a);
  model.b.to(of_b);
  optimizer->setup(model);
  for (std::uint64_t step = 0; step < 2; ++step) {
    for (Parameter* p : model.parameters()) {
      const Array gradient = random_array(p->shape(), 1 + step).to(Dtype::kFloat32);
      p->set_grad((factor * Variable(gradient)).array().to(p->device()));
    }
    optimizer->update();
  }
  std::vector<float> weights = to_vector<float>(model.a.array());
  for (const float w : to_vector<float>(model.b.array())) weights.push_back(w);
  return weights;
}

std::unique_ptr<Optimizer> clipping() { return make_optimizer("sgd", {.lr = 0.1, .common = {.clip_norm = 0.5}}); }
std::unique_ptr<Optimizer> scaling() {
  std::unique_ptr<Optimizer> optimizer = make_optimizer("sgd", {.lr = 0.1});
  optimizer->loss_scaling();
  return optimizer;
}

TEST(OptimizerDevicesTest, EveryRuleMovesWeightsOnAGpu) {
  const testing::EmulatedGpus gpus;
  for (const std::string& name : optimizer_names()) {
    EXPECT_EQ(trained(make_optimizer(name), kGpu, kGpu), trained(make_optimizer(name), kHost, kHost)) << name;
  }
}

TEST(OptimizerDevicesTest, TheNormIsOfTheGradientsOfAllDevices) {
  const testing::EmulatedGpus gpus(2);
  const std::vector<float> expected = trained(clipping(), kHost, kHost);
  const auto near_expected = ::testing::Pointwise(::testing::FloatNear(1e-6f), expected);
  EXPECT_THAT(trained(clipping(), kGpu, kGpu), near_expected);
  EXPECT_THAT(trained(clipping(), kGpu, kOther), near_expected);
  EXPECT_THAT(trained(clipping(), kGpu, kHost), near_expected);
  EXPECT_THAT(trained(clipping(), kHost, kGpu), near_expected);
}

TEST(OptimizerDevicesTest, ADynamicScaleSeesTheGradientsOfAllDevices) {
  const testing::EmulatedGpus gpus(2);
  EXPECT_EQ(trained(scaling(), kGpu, kOther), trained(scaling(), kHost, kHost));
  EXPECT_THAT(trained(scaling(), kGpu, kOther, INFINITY), ::testing::Each(1.0f));  // no step was made
}

TEST(OptimizerDevicesTest, AKernelRefusesAListOfArraysOnSeveral) {
  const testing::EmulatedGpus gpus(2);
  const Array x = ones({4}, Dtype::kFloat32, kGpu);
  EXPECT_THROW(kernels::sum_of_squares(x, {ones({4}, Dtype::kFloat32, kOther)}), DeviceError);
  EXPECT_THROW(kernels::sum_of_squares(x, {ones({4})}), DeviceError);
}

}  // namespace
}  // namespace rensa
