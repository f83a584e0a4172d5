#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "comm/communicators/create_communicator.h"
#include "comm/distributed_optimizer.h"
#include "core/functions/arithmetic.h"
#include "core/initializers/initializer.h"
#include "core/optimizers/adam.h"
#include "core/optimizers/sgd.h"
#include "core/serializers/npz.h"
#include "tests/comm/gpu/simulated_gpus.h"
#include "tests/support/scratch_folder.h"

// Training steps on a simulated GPU, whose streams run on threads: what the host waits for is counted, and the weights
// are those of the same steps on the host.

namespace rensa {
namespace {

using rensa::testing::SimulatedGpus;

constexpr Device kGpu{DeviceKind::kCuda, 0};

struct Model : Link {
  Parameter a{Shape{1}, init::ones()}, b{Shape{1}, init::ones()};
  Model() {
    add("a", a);
    add("b", b);
  }
};

using MakeOptimizer = std::function<std::unique_ptr<Optimizer>()>;

struct Outcome {
  std::vector<float> a, b;
  double scale = 0;
  std::int64_t t = 0;
};

/// Steps of loss = slope · a · b; in some, the slope is so large that the gradient is not finite once the scale has
/// grown.
void step(Model& model, Optimizer& optimizer, int number, Device device) {
  const double slope = number % 5 == 3 && optimizer.has_dynamic_loss_scale() ? 2e38 : 0.25 + number;
  const Variable x(full({1}, slope, Dtype::kFloat32).to(device));
  optimizer.backward(functions::mul(functions::mul(model.a, model.b), x), 0.5);
  optimizer.update();
}

Outcome outcome(Model& model, Optimizer& optimizer) {
  return {to_vector<float>(model.a.array()), to_vector<float>(model.b.array()), optimizer.loss_scale(), optimizer.t()};
}

struct Case {
  const char* name;
  MakeOptimizer make;
};

class StepWithoutWaitingTest : public ::testing::TestWithParam<Case> {
 protected:
  static constexpr int kSteps = 24;

  Outcome on(Device device, int* waits = nullptr, SimulatedGpus* gpus = nullptr) {
    Model model;
    model.to(device);
    const std::unique_ptr<Optimizer> optimizer = GetParam().make();
    optimizer->setup(model);
    step(model, *optimizer, 0, device);  // sets up what the others find
    const int before = gpus ? gpus->driver().host_waits() : 0;
    for (int i = 1; i < kSteps; ++i) step(model, *optimizer, i, device);
    if (waits) *waits = gpus->driver().host_waits() - before;
    return outcome(model, *optimizer);
  }
};

TEST_P(StepWithoutWaitingTest, TheHostWaitsForNothingAndWeightsAreThoseOfTheHost) {
  const Outcome expected = on(Device{});
  SimulatedGpus gpus(1);
  int waits = 0;
  const Outcome found = on(kGpu, &waits, &gpus);
  EXPECT_EQ(waits, 0);
  EXPECT_EQ(found.a, expected.a);
  EXPECT_EQ(found.b, expected.b);
  EXPECT_EQ(found.scale, expected.scale);
  EXPECT_EQ(found.t, expected.t);
}

// One snapshot is saved half way, which takes the scale back to the host, and a run that goes on from it ends alike.
TEST_P(StepWithoutWaitingTest, ASnapshotHasTheScaleAndTheStepsThatCounted) {
  const Outcome expected = on(Device{});
  const testing::ScratchFolder folder;
  const std::string path = folder / "snapshot.npz";
  SimulatedGpus gpus(1);
  {
    Model model;
    model.to(kGpu);
    const std::unique_ptr<Optimizer> optimizer = GetParam().make();
    optimizer->setup(model);
    for (int i = 0; i < kSteps / 2; ++i) step(model, *optimizer, i, kGpu);
    NpzWriter writer;
    model.serialize(writer.child("model"));
    optimizer->serialize(writer.child("optimizer"));
    writer.save(path);
  }
  Model model;
  model.to(kGpu);
  const std::unique_ptr<Optimizer> optimizer = GetParam().make();
  optimizer->setup(model);
  NpzReader reader(path);
  model.serialize(reader.child("model"));
  optimizer->serialize(reader.child("optimizer"));
  for (int i = kSteps / 2; i < kSteps; ++i) step(model, *optimizer, i, kGpu);
  const Outcome found = outcome(model, *optimizer);
  EXPECT_EQ(found.a, expected.a);
  EXPECT_EQ(found.scale, expected.scale);
  EXPECT_EQ(found.t, expected.t);
}

// A parameter that is left alone for some steps keeps its own count.
TEST_P(StepWithoutWaitingTest, ParametersThatAreLeftAloneInBetween) {
  const auto run = [&](Device device) {
    Model model;
    model.to(device);
    const std::unique_ptr<Optimizer> optimizer = GetParam().make();
    optimizer->setup(model);
    for (int i = 0; i < kSteps; ++i) {
      model.b.update_enabled = i < 8 || i > 14;
      step(model, *optimizer, i, device);
    }
    return outcome(model, *optimizer);
  };
  const Outcome expected = run(Device{});
  SimulatedGpus gpus(1);
  const Outcome found = run(kGpu);
  EXPECT_EQ(found.a, expected.a);
  EXPECT_EQ(found.b, expected.b);
}

template <class Rule, class Options>
MakeOptimizer made(const Options& options, bool dynamic) {
  return [=] {
    auto optimizer = std::make_unique<Rule>(options);
    if (dynamic) {
      optimizer->loss_scaling(4);
    } else {
      optimizer->set_loss_scale(16);
    }
    return optimizer;
  };
}

INSTANTIATE_TEST_SUITE_P(
    Rules, StepWithoutWaitingTest,
    ::testing::Values(
        Case{"sgd_dynamic", made<Sgd>(SgdOptions{.lr = 0.01}, true)},
        Case{"sgd_dynamic_clipped", made<Sgd>(SgdOptions{.lr = 0.01, .common = {.clip_norm = 0.5}}, true)},
        Case{"sgd_clipped",
             made<Sgd>(SgdOptions{.lr = 1e-3, .common = {.weight_decay = 0.1, .clip_norm = 0.5}}, false)},
        Case{"adam_dynamic_clipped", made<Adam>(AdamOptions{.lr = 0.01, .common = {.clip_norm = 0.5}}, true)}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(DistributedStepWithoutWaitingTest, AWrappedOptimizerKeepsItsScaleOnTheGpu) {
  SimulatedGpus gpus(1);
  const auto comm = create_communicator("self");
  Model model;
  model.to(kGpu);
  Sgd sgd({.lr = 0.01, .common = {.clip_norm = 1}});
  sgd.loss_scaling(4);
  DistributedOptimizer optimizer(std::move(sgd), *comm);
  optimizer.setup(model);
  for (int i = 0; i < 3; ++i) step(model, optimizer, i, kGpu);
  const int before = gpus.driver().host_waits();
  for (int i = 3; i < 9; ++i) step(model, optimizer, i, kGpu);
  EXPECT_EQ(gpus.driver().host_waits(), before);
  EXPECT_GT(optimizer.loss_scale(), 1);
}

}  // namespace
}  // namespace rensa
