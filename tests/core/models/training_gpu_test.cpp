#include <gtest/gtest.h>

#include "core/device/gpu/caching_allocator.h"
#include "core/device/random.h"
#include "core/functions/arithmetic.h"
#include "core/functions/shape.h"
#include "core/functions/softmax_cross_entropy.h"
#include "core/links/attention.h"
#include "core/links/connection.h"
#include "core/models/model.h"
#include "core/optimizers/gradient_hooks.h"
#include "core/optimizers/make_optimizer.h"
#include "tests/core/kernels/cuda/gpu_case.h"

namespace rensa {
namespace {

using namespace testing;

class TrainingGpuTest : public GpuTest {};

constexpr std::int64_t kBatch = 8, kClasses = 10, kWords = 50, kLength = 12;

Array labels(std::int64_t count, std::int64_t classes, std::uint64_t seed) {
  RandomStream stream(seed, Purpose::kUser);
  return random::integers({count}, stream, 0, classes);
}

/// A small GPT-2.
struct LanguageModel : Link {
  EmbedId words, places;
  TransformerBlock first, second;
  LayerNormalization ln;
  Linear out;
  explicit LanguageModel(Dtype dtype)
      : words({.in = kWords, .out = 32, .dtype = dtype}),
        places({.in = kLength, .out = 32, .dtype = dtype}),
        first({.size = 32, .heads = 4, .causal = true, .dropout = 0.1, .dtype = dtype}),
        second({.size = 32, .heads = 4, .causal = true, .dropout = 0.1, .dtype = dtype}),
        ln({.size = 32, .dtype = dtype}),
        out({.in = 32, .out = kWords, .dtype = dtype}) {
    add("words", words);
    add("places", places);
    add("first", first);
    add("second", second);
    add("ln", ln);
    add("out", out);
  }
  Variable loss(const Array& x, const Array& t) {
    const Variable h = ln(second(first(words(x) + places(arange(kLength)))));
    return functions::softmax_cross_entropy(functions::reshape(out(h, 2), {-1, kWords}), t.reshape({-1}));
  }
};

struct Conditions {
  Device device = {};
  Dtype dtype = Dtype::kFloat32;
  int steps = 10;
  double loss_scale = 1;
  const char* optimizer = "momentum_sgd";  // of networks for pictures
  Optimizer::Hook hook = nullptr;
};

/// The losses of steps on batches that are the same on every device.
template <class Loss>
std::vector<double> losses(Link& model, Optimizer& optimizer, const Conditions& run, const Loss& loss) {
  model.to(run.device);
  optimizer.setup(model);
  if (run.loss_scale != 1) optimizer.loss_scaling();
  std::vector<double> seen;
  for (int step = 0; step < run.steps; ++step) {
    random_context() = {.seed = 1, .step = static_cast<std::uint64_t>(step), .first_sample = 0, .uses = 0};
    const Variable value = loss(static_cast<std::uint64_t>(step));
    optimizer.backward(value);
    optimizer.update();
    seen.push_back(value.item<double>());
  }
  return seen;
}

std::vector<double> picture_losses(const char* name, const Shape& input, const Conditions& run) {
  seed_parameters(7);
  const auto model =
      models::make_model(name, {.input = input, .classes = kClasses, .units = 100, .width = 8, .dtype = run.dtype});
  const auto optimizer = make_optimizer(run.optimizer, {.lr = 0.05, .common = {.weight_decay = 1e-4}});
  if (run.hook) optimizer->add_hook("hook", run.hook);
  Shape batch = {kBatch};
  for (const std::int64_t n : input) batch.push_back(n);
  return losses(*model, *optimizer, run, [&](std::uint64_t step) {
    const Variable x(numbers(batch, Dtype::kFloat32, 100 + step).to(run.dtype).to(run.device));
    return functions::softmax_cross_entropy((*model)(x), labels(kBatch, kClasses, step));
  });
}

std::vector<double> language_losses(const Conditions& run) {
  seed_parameters(7);
  LanguageModel model(run.dtype);
  const auto optimizer = make_optimizer("adamw", {.lr = 0.001, .common = {.clip_norm = 1}});
  return losses(model, *optimizer, run, [&](std::uint64_t step) {
    return model.loss(labels(kBatch * kLength, kWords, step).reshape({kBatch, kLength}),
                      labels(kBatch * kLength, kWords, step + 50).reshape({kBatch, kLength}));
  });
}

void expect_close(const char* what, const std::vector<double>& found, const std::vector<double>& expected,
                  double tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found[i], expected[i], tolerance * std::max(1.0, expected[i])) << what << ", step " << i;
  }
}

TEST_F(TrainingGpuTest, TheFirstLossesAreTheCpus) {
  struct Network {
    const char* name;
    Shape input;
  };
  for (const Network& n : {Network{"mlp", {784}}, Network{"vgg_cifar", {3, 32, 32}},
                           Network{"cifar_resnet18", {3, 32, 32}}, Network{"resnet50", {3, 64, 64}}}) {
    expect_close(n.name, picture_losses(n.name, n.input, {.device = kGpu}),
                 picture_losses(n.name, n.input, {.device = {}}), 1e-3);
  }
  expect_close("GPT", language_losses({.device = kGpu}), language_losses({.device = {}}), 1e-3);
}

TEST_F(TrainingGpuTest, SixteenBitsStayNearTheCpus) {
  for (const Dtype dtype : {Dtype::kBFloat16, Dtype::kFloat16}) {
    const double scale = dtype == Dtype::kFloat16 ? 2 : 1;  // not 1: a dynamic one
    expect_close("mlp", picture_losses("mlp", {784}, {.device = kGpu, .dtype = dtype, .loss_scale = scale}),
                 picture_losses("mlp", {784}, {.device = {}, .dtype = dtype, .loss_scale = scale}), 0.03);
    expect_close("cifar_resnet18",
                 picture_losses("cifar_resnet18", {3, 32, 32}, {.device = kGpu, .dtype = dtype, .steps = 4}),
                 picture_losses("cifar_resnet18", {3, 32, 32}, {.device = {}, .dtype = dtype, .steps = 4}), 0.05);
  }
}

TEST_F(TrainingGpuTest, RulesThatLookAtParametersAndHooksStayNearTheCpus) {
  for (const Dtype dtype : {Dtype::kFloat32, Dtype::kBFloat16}) {
    const auto compare = [&](const char* what, Conditions run) {
      run.dtype = dtype;
      run.steps = 4;
      const auto on_cpu = picture_losses("mlp", {784}, run);
      run.device = kGpu;
      expect_close(what, picture_losses("mlp", {784}, run), on_cpu, dtype == Dtype::kFloat32 ? 1e-3 : 0.03);
    };
    for (const char* rule : {"lamb", "lars", "corrected_lars", "adafactor"}) compare(rule, {.optimizer = rule});
    compare("gradient_clipping", {.hook = hooks::gradient_clipping(0.1)});
    compare("gradient_hard_clipping", {.hook = hooks::gradient_hard_clipping(-0.01, 0.02)});
    compare("gradient_lars", {.hook = hooks::gradient_lars(0.01, 0.1)});
    compare("gradient_noise", {.hook = hooks::gradient_noise(1e-6)});
    compare("lasso", {.hook = hooks::lasso(1e-3)});
    compare("weight_decay", {.hook = hooks::weight_decay(0.1)});
  }
}

TEST_F(TrainingGpuTest, TheSameRunHasTheSameBits) {
  EXPECT_EQ(picture_losses("cifar_resnet18", {3, 32, 32}, {.device = kGpu}),
            picture_losses("cifar_resnet18", {3, 32, 32}, {.device = kGpu}));
}

TEST_F(TrainingGpuTest, LaterStepsAskTheDriverForNoMemory) {
  picture_losses("cifar_resnet18", {3, 32, 32}, {.device = kGpu, .steps = 3});
  const std::uint64_t before = gpu::caching_allocator(0).counts().from_driver;
  picture_losses("cifar_resnet18", {3, 32, 32}, {.device = kGpu, .steps = 10});
  EXPECT_EQ(gpu::caching_allocator(0).counts().from_driver, before);
}

}  // namespace
}  // namespace rensa
