#include "core/optimizers/optimizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/autograd/gradient_check.h"
#include "core/error.h"
#include "core/functions/linear.h"
#include "core/functions/reduction.h"
#include "core/links/linear.h"
#include "core/links/weight_hooks.h"
#include "core/optimizers/adam.h"
#include "core/optimizers/make_optimizer.h"
#include "core/optimizers/momentum_sgd.h"
#include "core/optimizers/sgd.h"
#include "core/serializers/serializer.h"
#include "tests/support/golden_file.h"

namespace rensa {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

struct One : Link {
  Parameter W;
  explicit One(const Array& start) : W(start.shape(), init::zeros(), start.dtype()) {
    add("W", W);
    W.array().copy_from(start);
  }
};

/// Two parameters with a gap between them in the arena, and one that is initialised late.
struct Three : Link {
  Parameter a{{5}, init::ones()};
  Parameter b{{3}, init::ones()};
  Parameter late{init::ones()};
  Three() {
    add("a", a);
    add("b", b);
    add("late", late);
  }
};

void give_gradient(Parameter& parameter, double value) {
  parameter.set_grad(Variable(full(parameter.shape(), value, parameter.dtype())));
}

/// Keeps what is saved by key, and gives it back.
class MapSerializer final : public Serializer {
 public:
  std::map<std::string, Array> values;
  bool loading = false;

  bool is_loading() const override { return loading; }
  void operator()(std::string_view name, std::int64_t& value) override { scalar(name, value); }
  void operator()(std::string_view name, double& value) override { scalar(name, value); }
  void operator()(std::string_view, bool&) override { FAIL(); }
  void operator()(std::string_view, std::string&) override { FAIL(); }
  void operator()(std::string_view name, Array& value) override {
    if (loading) {
      value.copy_from(values.at(std::string(name)));
    } else {
      values[std::string(name)] = value.copy();
    }
  }
  bool has(std::string_view name) const override { return !loading || values.count(std::string(name)) > 0; }
  Serializer& child(std::string_view) override { return *this; }

 private:
  template <class T>
  void scalar(std::string_view name, T& value) {
    if (loading) {
      value = values.at(std::string(name)).item<T>();
    } else {
      values[std::string(name)] = full({}, static_cast<double>(value), kDtypeOf<T>);
    }
  }
};

OptimizerOptions golden_options(const nlohmann::json& golden) {
  OptimizerOptions options;
  for (const auto& [key, value] : golden.at("options").items()) {
    if (key == "lr" || key == "alpha") options.lr = value;
    if (key == "momentum") options.momentum = value;
    if (key == "beta1") options.beta1 = value;
    if (key == "beta2") options.beta2 = value;
    if (key == "eps") options.eps = value;
    if (key == "eta") options.eta = value;
    if (key == "weight_decay_rate") options.weight_decay_rate = value;
  }
  for (const auto& hook : golden.at("hooks")) {
    if (hook[0] == "WeightDecay") options.common.weight_decay = hook[1];
    if (hook[0] == "GradientClipping") options.common.clip_norm = hook[1];
  }
  return options;
}

std::string golden_name(const std::string& chainer) {
  return std::map<std::string, std::string>{{"SGD", "sgd"},
                                            {"MomentumSGD", "momentum_sgd"},
                                            {"NesterovAG", "nesterov_ag"},
                                            {"Adam", "adam"},
                                            {"AdamW", "adamw"}}
      .at(chainer);
}

class OptimizerGoldenTest : public ::testing::TestWithParam<Dtype> {};

TEST_P(OptimizerGoldenTest, FollowsChainersTrajectories) {
  const nlohmann::json file = testing::golden_file("optimizer");
  for (const auto& golden : file.at("cases")) {
    SCOPED_TRACE(golden.at("name").get<std::string>());
    One model(testing::golden_array(golden.at("start"), GetParam()));
    const auto optimizer = make_optimizer(golden_name(golden.at("optimizer")), golden_options(golden));
    optimizer->setup(model);
    const Array gradients = testing::golden_array(golden.at("gradients"), GetParam());
    const Array trajectory = testing::golden_array(golden.at("trajectory"));
    for (std::int64_t step = 0; step < gradients.shape()[0]; ++step) {
      model.W.set_grad(Variable(gradients.select(0, step)));
      optimizer->update();
      const double tolerance = GetParam() == Dtype::kFloat64 ? 1e-14 : 2e-6;
      ASSERT_TRUE(testing::near(model.W.array().to(Dtype::kFloat64), trajectory.select(0, step), tolerance))
          << "step " << step;
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Dtypes, OptimizerGoldenTest, ::testing::Values(Dtype::kFloat64, Dtype::kFloat32));

TEST(OptimizerTest, AnElementsStepDoesNotDependOnItsPlace) {
  for (const std::string& name : optimizer_names()) {
    if (name == "lamb" || name.ends_with("lars") || name == "adafactor") continue;  // they look at whole parameters
    One all(random_array({37}, 1, Dtype::kFloat32)), few(all.W.array().slice(0, {.start = 30, .stop = 37}).copy());
    const Array gradient = random_array({37}, 2, Dtype::kFloat32);
    const auto first = make_optimizer(name), second = make_optimizer(name);
    first->setup(all);
    second->setup(few);
    for (int step = 0; step < 3; ++step) {
      all.W.set_grad(Variable(gradient));
      few.W.set_grad(Variable(gradient.slice(0, {.start = 30}).copy()));
      first->update();
      second->update();
    }
    const std::vector<float> whole = to_vector<float>(all.W.array());
    EXPECT_EQ(std::vector<float>(whole.begin() + 30, whole.end()), to_vector<float>(few.W.array())) << name;
  }
}

TEST(OptimizerTest, CountsAMissingGradientAsZerosAndClearsGradients) {
  Three model;
  MomentumSgd optimizer({.lr = 1, .momentum = 0.5});
  optimizer.setup(model);
  give_gradient(model.a, 1);
  give_gradient(model.b, 2);
  optimizer.update();
  EXPECT_FALSE(model.a.grad());
  give_gradient(model.a, 1);  // b has none: only its momentum moves it
  optimizer.update();
  EXPECT_THAT(to_vector<float>(model.a.array()), Each(1.0f - 1.0f - 1.5f));
  EXPECT_THAT(to_vector<float>(model.b.array()), Each(1.0f - 2.0f - 1.0f));
}

TEST(OptimizerTest, LeavesFrozenParametersAlone) {
  Three model;
  MomentumSgd optimizer({.lr = 1, .common = {.weight_decay = 1}});
  optimizer.setup(model);
  model.b.update_enabled = false;
  give_gradient(model.a, 1);
  give_gradient(model.b, 1);
  optimizer.update();
  EXPECT_THAT(to_vector<float>(model.b.array()), Each(1.0f));
  EXPECT_THAT(to_vector<float>(optimizer.state("v", model.b)), Each(0.0f));
  EXPECT_THAT(to_vector<float>(model.a.array()), Each(-1.0f));
}

TEST(OptimizerTest, ScalesLearningRateAndDecayOfSingleParameters) {
  Three model;
  Sgd optimizer({.lr = 0.5, .common = {.weight_decay = 0.5}});
  optimizer.setup(model);
  model.a.lr_scale = 2;
  model.b.weight_decay_scale = 0;
  give_gradient(model.a, 1);
  give_gradient(model.b, 1);
  optimizer.update();
  EXPECT_THAT(to_vector<float>(model.a.array()), Each(1.0f - 1.0f * 1.5f));
  EXPECT_THAT(to_vector<float>(model.b.array()), Each(0.5f));
}

TEST(OptimizerTest, ARateOfZeroMovesNothing) {
  for (const std::string& name : optimizer_names()) {
    for (const char* zero : {"lr from the start", "lr set later", "lr_scale"}) {
      SCOPED_TRACE(name + ", " + zero);
      OptimizerOptions options{.lr = zero == std::string("lr from the start") ? 0 : 0.1};
      if (name == "rmsprop_warmup") options.centre = options.period = 4;
      Three model;
      const auto optimizer = make_optimizer(name, options);
      optimizer->setup(model);
      if (zero == std::string("lr set later")) optimizer->set_lr(0);
      if (zero == std::string("lr_scale")) model.a.lr_scale = 0;
      for (int step = 0; step < 3; ++step) {
        give_gradient(model.a, step - 0.5);
        optimizer->update();
      }
      EXPECT_THAT(to_vector<float>(model.a.array()), Each(1.0f));
      optimizer->set_lr(0.1);  // what was gathered meanwhile is finite, too
      model.a.lr_scale = 1;
      give_gradient(model.a, 1);
      optimizer->update();
      for (const float value : to_vector<float>(model.a.array())) EXPECT_TRUE(std::isfinite(value)) << value;
    }
  }
}

TEST(OptimizerTest, ClipsTheNormOfAllGradientsTogether) {
  Three model;
  Sgd optimizer({.lr = 1, .common = {.clip_norm = 1}});
  optimizer.setup(model);
  give_gradient(model.a, 3);
  give_gradient(model.b, 4);
  optimizer.update();
  const float norm = std::sqrt(5 * 9.0f + 3 * 16.0f);
  EXPECT_THAT(to_vector<float>(model.a.array()), Each(FloatEq(1 - 3 / norm)));
  EXPECT_THAT(to_vector<float>(model.b.array()), Each(FloatEq(1 - 4 / norm)));
}

TEST(OptimizerTest, TakesInParametersThatAreInitialisedLate) {
  Three model;
  Adam optimizer({.lr = 0.1});
  optimizer.setup(model);
  give_gradient(model.a, 1);
  optimizer.update();
  const std::vector<float> m = to_vector<float>(optimizer.state("m", model.a));
  model.late.initialize({2});
  give_gradient(model.late, 3);
  optimizer.update();
  EXPECT_EQ(model.late.array().buffer(), model.a.array().buffer());
  EXPECT_THAT(to_vector<float>(model.late.array()), Each(FloatEq(0.9f)));  // as any first step of Adam: lr
  EXPECT_THAT(to_vector<float>(optimizer.state("m", model.a)), Each(FloatEq(0.9f * m[0])));
  EXPECT_EQ(optimizer.t(), 2);
}

TEST(OptimizerTest, FollowsAParameterWhoseArrayWasReplaced) {
  Three model;
  Sgd optimizer({.lr = 1});
  optimizer.setup(model);
  model.a.set_array(full({5}, 7));
  give_gradient(model.a, 1);
  optimizer.update();
  EXPECT_THAT(to_vector<float>(model.a.array()), Each(6.0f));
}

TEST(OptimizerTest, AnArrayInAnotherOrderOfAxesKeepsItsState) {
  One model(random_array({2, 3, 2, 2}, 1, Dtype::kFloat32));
  MomentumSgd optimizer({.lr = 1, .momentum = 0.5});
  optimizer.setup(model);
  model.W.set_grad(Variable(random_array({2, 3, 2, 2}, 2, Dtype::kFloat32)));
  optimizer.update();
  const std::vector<float> before = to_vector<float>(optimizer.state("v", model.W));
  model.W.set_array(model.W.array().copy(Layout::kChannelsLast));
  optimizer.join_parameters();
  EXPECT_EQ(to_vector<float>(optimizer.state("v", model.W)), before);
  EXPECT_EQ(model.W.array().layout(), Layout::kChannelsLast);
}

TEST(OptimizerTest, AnArrayOfAnotherShapeBeginsAnew) {
  for (const std::string& name : optimizer_names()) {
    SCOPED_TRACE(name);
    One model(full({3, 4}, 1, Dtype::kFloat32)), other(full({50, 2}, 1, Dtype::kFloat32));
    const auto optimizer = make_optimizer(name), of_other = make_optimizer(name);
    optimizer->setup(model);
    of_other->setup(other);
    give_gradient(model.W, 3);
    optimizer->update();
    model.W.set_array(full({50, 2}, 1, Dtype::kFloat32));
    give_gradient(model.W, 1);
    give_gradient(other.W, 1);
    optimizer->update();
    of_other->update();
    EXPECT_EQ(to_vector<float>(model.W.array()), to_vector<float>(other.W.array()));
  }
}

TEST(OptimizerTest, BackwardBeforeTheUpdateKnowsTheNewShape) {
  for (const Dtype dtype : {Dtype::kFloat32, Dtype::kFloat64}) {
    Linear model({.in = 3, .out = 4});
    Sgd optimizer({.lr = 1});
    optimizer.setup(model);
    for (const std::int64_t out : {50, 1}) {
      model.W.set_array(zeros({out, 3}, dtype));
      functions::sum(functions::linear(Variable(ones({2, 3}, dtype)), model.W)).backward();
      optimizer.update();
      EXPECT_THAT(to_vector<double>(model.W.array().to(Dtype::kFloat64)), Each(-2));
    }
  }
}

/// A link whose parameter is replaced by another one at the same address.
struct Replaceable : Link {
  std::optional<Parameter> W;
  Replaceable() {
    W.emplace(Shape{3}, init::ones());
    add("W", *W);
  }
};

TEST(OptimizerTest, AParameterAtAnotherOnesAddressIsNotTheOther) {
  for (const std::int64_t size : {3, 200}) {
    Replaceable model;
    MomentumSgd optimizer({.lr = 1, .momentum = 0.5});
    optimizer.setup(model);
    give_gradient(*model.W, 1);
    optimizer.update();
    model.W.emplace(Shape{size}, init::ones());
    give_gradient(*model.W, 2);
    optimizer.update();
    EXPECT_THAT(to_vector<float>(optimizer.state("v", *model.W)), Each(-2.0f));
    EXPECT_THAT(to_vector<float>(model.W->array()), Each(-1.0f));
  }
}

TEST(OptimizerTest, ForgetsParametersThatLeaveTheModel) {
  const auto linear = [] { return std::make_unique<Linear>(LinearOptions{.in = 3, .out = 2}); };
  Sequential model(linear(), linear());
  model.link(0)->add_hook(std::make_shared<SpectralNormalization>(SpectralNormalizationOptions{.use_gamma = true}));
  MomentumSgd optimizer({.lr = 1, .momentum = 0.5});
  optimizer.setup(model);
  ASSERT_EQ(optimizer.arenas().front().slots.size(), 5u);
  Parameter& W = *model.parameters().front();
  give_gradient(W, 1);
  optimizer.update();
  model.remove(1);
  optimizer.update();
  EXPECT_EQ(optimizer.arenas().front().slots.size(), 3u);
  model.link(0)->remove_hook("SpectralNormalization");
  optimizer.update();
  EXPECT_EQ(optimizer.arenas().front().slots.size(), 2u);
  EXPECT_THAT(to_vector<float>(optimizer.state("v", W)), Each(-0.25f));  // what stays goes on
}

TEST(OptimizerTest, HooksSeeCompleteGradientsInTheirOrder) {
  Three model;
  Sgd optimizer({.lr = 1});
  optimizer.setup(model);
  std::string order;
  optimizer.add_hook("double", [&](Optimizer& o) {
    order += "d";
    o.arenas().front().gradients.copy_from(full({1}, 2));
  });
  optimizer.add_hook("look", [&](Optimizer&) {
    order += "l";
    EXPECT_THAT(to_vector<float>(model.b.grad()), Each(2.0f));
  });
  EXPECT_THAT([&] { optimizer.add_hook("look", nullptr); }, ThrowsMessage<ValueError>(HasSubstr("\"look\"")));
  optimizer.update();
  optimizer.remove_hook("double");
  EXPECT_EQ(order, "dl");
  EXPECT_THAT([&] { optimizer.remove_hook("double"); }, ThrowsMessage<ValueError>(HasSubstr("\"double\"")));
}

TEST(OptimizerTest, PostHooksChangeTheNewParameters) {
  for (const double clip_norm : {0.0, 1e6}) {
    Three model;
    Sgd optimizer({.lr = 1, .common = {.clip_norm = clip_norm}});
    optimizer.setup(model);
    std::string order;
    optimizer.add_hook(
        "clip",
        [&](Optimizer& o) {
          order += "post";
          EXPECT_EQ(o.t(), 1);
          EXPECT_THAT(to_vector<float>(model.b.array()), Each(-2.0f));
          EXPECT_THAT(to_vector<float>(model.b.grad()), Each(3.0f));
          model.b.array().fill(-0.5);
        },
        HookTiming::kPost);
    optimizer.add_hook("look", [&](Optimizer& o) {
      order += "pre ";
      EXPECT_EQ(o.t(), 0);
    });
    EXPECT_THAT(optimizer.hook_names(), ElementsAre("clip", "look"));
    EXPECT_EQ(optimizer.hook_timing("clip"), HookTiming::kPost);
    give_gradient(model.b, 3);
    optimizer.update();
    EXPECT_EQ(order, "pre post");
    EXPECT_THAT(to_vector<float>(model.b.array()), Each(-0.5f));
    EXPECT_FALSE(model.b.grad());
  }
}

TEST(OptimizerTest, GoesOnFromASnapshotBitForBit) {
  for (const std::string& name : optimizer_names()) {
    Three model, copy;
    const auto optimizer = make_optimizer(name, {.lr = 0.1}), resumed = make_optimizer(name, {.lr = 7});
    optimizer->setup(model);
    const auto step = [](Three& m, Optimizer& o, int t) {
      give_gradient(m.a, t + 0.3);
      give_gradient(m.b, 1.0 / (t + 1));
      o.update();
    };
    for (int t = 0; t < 3; ++t) step(model, *optimizer, t);
    MapSerializer saved;
    optimizer->serialize(saved);
    copy.copy_parameters(model);
    resumed->setup(copy);
    saved.loading = true;
    resumed->serialize(saved);
    EXPECT_EQ(resumed->t(), 3);
    EXPECT_EQ(resumed->lr(), 0.1);
    for (int t = 3; t < 6; ++t) {
      step(model, *optimizer, t);
      step(copy, *resumed, t);
    }
    EXPECT_EQ(to_vector<float>(model.a.array()), to_vector<float>(copy.a.array())) << name;
    EXPECT_EQ(to_vector<float>(model.b.array()), to_vector<float>(copy.b.array())) << name;
  }
}

TEST(OptimizerTest, SavesUnderChainersKeys) {
  Three model;
  Adam optimizer;
  optimizer.setup(model);
  MapSerializer saved;
  optimizer.serialize(saved);
  std::vector<std::string> keys;
  for (const auto& entry : saved.values) keys.push_back(entry.first);
  EXPECT_THAT(keys, ElementsAre("a/m", "a/t", "a/v", "b/m", "b/t", "b/v", "epoch", "lr", "t"));
}

TEST(OptimizerTest, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT([] { make_optimizer("adagrad2"); },
              ThrowsMessage<ValueError>(AllOf(HasSubstr("adagrad2"), HasSubstr("momentum_sgd"))));
  EXPECT_THAT([] { make_optimizer("sgd", {.momentum = 0.9}); }, ThrowsMessage<ValueError>(HasSubstr("momentum")));
  EXPECT_THAT([] { make_optimizer("adam", {.weight_decay_rate = 0.1}); }, ThrowsMessage<ValueError>(HasSubstr("adam")));
  EXPECT_THAT([] { Sgd().update(); }, ThrowsMessage<GraphError>(HasSubstr("setup")));
  Three model;
  Sgd sgd;
  sgd.setup(model);
  EXPECT_THAT([&] { sgd.state("v", model.a); }, ThrowsMessage<ValueError>(HasSubstr("\"v\"")));
}

}  // namespace
}  // namespace rensa
