#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/reduction.h"
#include "core/optimizers/adam.h"
#include "core/optimizers/make_optimizer.h"
#include "core/optimizers/momentum_sgd.h"
#include "core/optimizers/sgd.h"
#include "core/serializers/npz.h"
#include "tests/support/scratch_folder.h"

namespace rensa {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Lt;
using ::testing::ThrowsMessage;

struct Pair : Link {
  Parameter a, b;
  explicit Pair(Dtype dtype) : a({3}, init::ones(), dtype), b({2}, init::ones(), Dtype::kFloat32) {
    add("a", a);
    add("b", b);
  }
};

void give_gradient(Parameter& parameter, double value) {
  parameter.set_grad(Variable(full(parameter.shape(), value, parameter.dtype())));
}

class MasterTest : public ::testing::TestWithParam<Dtype> {};

TEST_P(MasterTest, StepsTooSmallFor16BitsAddUp) {
  Pair model(GetParam());
  Sgd optimizer({.lr = 1e-4});
  optimizer.setup(model);
  for (int i = 0; i < 1000; ++i) {
    give_gradient(model.a, 1);
    optimizer.update();
  }
  EXPECT_NEAR(model.a.array().slice(0, {.stop = 1}).item<double>(), 0.9, 0.004);  // 1 - 1e-4 rounds to 1
  EXPECT_NEAR(optimizer.state("master", model.a).slice(0, {.stop = 1}).item<double>(), 0.9, 1e-4);
}

TEST_P(MasterTest, EveryRuleWorksInFloat32) {
  for (const std::string& name : optimizer_names()) {
    SCOPED_TRACE(name);
    Pair half(GetParam()), single(Dtype::kFloat32);
    const auto of_half = make_optimizer(name), of_single = make_optimizer(name);
    of_half->setup(half);
    of_single->setup(single);
    for (int i = 0; i < 20; ++i) {
      give_gradient(half.a, 0.5);
      give_gradient(single.a, 0.5);
      of_half->update();
      of_single->update();
    }
    EXPECT_EQ(to_vector<float>(of_half->state("master", half.a)), to_vector<float>(single.a.array()));
    EXPECT_THAT(to_vector<float>(half.a.array().to(Dtype::kFloat32)), Each(Lt(1)));
    for (const std::string& kept : of_half->state_names()) {
      EXPECT_EQ(of_half->state(kept, half.a).dtype(), Dtype::kFloat32) << kept;
    }
    EXPECT_GE(of_half->state_bytes(), of_single->state_bytes() + 3 * sizeof(float));
  }
}

TEST_P(MasterTest, NormsAreOfTheWholeParameter) {
  const std::int64_t many = (std::int64_t{1} << 18) + 5;  // more than is widened at a time
  for (const char* name : {"lamb", "lars", "corrected_lars", "adafactor"}) {
    SCOPED_TRACE(name);
    struct One : Link {
      Parameter W;
      One(std::int64_t n, Dtype dtype) : W({n}, init::ones(), dtype) { add("W", W); }
    } half(many, GetParam()), single(many, Dtype::kFloat32);
    const auto of_half = make_optimizer(name), of_single = make_optimizer(name);
    of_half->setup(half);
    of_single->setup(single);
    std::vector<double> gradient(static_cast<std::size_t>(many));
    for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] = 0.125 * static_cast<double>(i % 7);
    half.W.set_grad(Variable(array(gradient, {many}).to(GetParam())));
    single.W.set_grad(Variable(array(gradient, {many}).to(Dtype::kFloat32)));
    of_half->update();
    of_single->update();
    const auto masters = to_vector<float>(of_half->state("master", half.W)),
               values = to_vector<float>(single.W.array());
    for (const std::size_t i : {0, 1, 6, 1 << 17, (1 << 18) + 4}) EXPECT_NEAR(masters[i], values[i], 1e-6f) << i;
    EXPECT_LT(values[1], 1);
  }
}

TEST_P(MasterTest, AValueThatSomebodyWroteCounts) {
  Pair model(GetParam());
  Sgd optimizer({.lr = 0.5});
  optimizer.setup(model);
  give_gradient(model.a, 0.001);
  optimizer.update();
  model.a.array().slice(0, {.stop = 1}).fill(4);
  give_gradient(model.a, 1);
  optimizer.update();
  const std::vector<float> masters = to_vector<float>(optimizer.state("master", model.a));
  EXPECT_EQ(masters[0], 3.5f);
  EXPECT_NEAR(masters[1], 0.4995, 1e-5);  // which kept what the first step left
}

TEST_P(MasterTest, ASnapshotHoldsTheMasters) {
  const testing::ScratchFolder folder;
  const std::string path = folder / "snapshot.npz";
  Pair model(GetParam());
  MomentumSgd optimizer({.lr = 1e-4});
  optimizer.setup(model);
  const auto step = [](Pair& m, Optimizer& o) {
    give_gradient(m.a, 0.37);
    give_gradient(m.b, 0.11);
    o.update();
  };
  for (int i = 0; i < 7; ++i) step(model, optimizer);
  {
    NpzWriter writer;
    model.serialize(writer.child("model"));
    optimizer.serialize(writer.child("optimizer"));
    writer.save(path);
  }
  Pair other(GetParam());
  MomentumSgd resumed({.lr = 1e-4});
  resumed.setup(other);
  NpzReader reader(path);
  other.serialize(reader.child("model"));
  resumed.serialize(reader.child("optimizer"));
  for (int i = 0; i < 5; ++i) {
    step(model, optimizer);
    step(other, resumed);
  }
  EXPECT_EQ(to_vector<float>(resumed.state("master", other.a)), to_vector<float>(optimizer.state("master", model.a)));
  EXPECT_EQ(to_vector<float>(other.b.array()), to_vector<float>(model.b.array()));
}

INSTANTIATE_TEST_SUITE_P(Halves, MasterTest, ::testing::Values(Dtype::kFloat16, Dtype::kBFloat16),
                         [](const auto& each) { return std::string(name(each.param)); });

TEST(LossScaleTest, IsDividedOutOfTheStep) {
  Pair scaled(Dtype::kFloat32), plain(Dtype::kFloat32);
  MomentumSgd of_scaled({.lr = 0.25, .common = {.weight_decay = 0.5, .clip_norm = 1}}),
      of_plain({.lr = 0.25, .common = {.weight_decay = 0.5, .clip_norm = 1}});
  of_scaled.setup(scaled);
  of_plain.setup(plain);
  of_scaled.set_loss_scale(1024);
  for (int i = 0; i < 3; ++i) {
    functions::sum(scaled.a * scaled.a).backward({.loss_scale = of_scaled.loss_scale()});
    functions::sum(plain.a * plain.a).backward();
    of_scaled.update();
    of_plain.update();
  }
  EXPECT_EQ(to_vector<float>(scaled.a.array()), to_vector<float>(plain.a.array()));
}

TEST(LossScaleTest, HooksSeeGradientsWithoutIt) {
  Pair model(Dtype::kFloat32);
  Sgd optimizer({.lr = 1});
  optimizer.setup(model);
  optimizer.set_loss_scale(8);
  std::vector<float> seen;
  optimizer.add_hook("look", [&](Optimizer&) { seen = to_vector<float>(model.a.grad()); });
  give_gradient(model.a, 8 * 0.5);
  optimizer.update();
  EXPECT_THAT(seen, Each(0.5f));
  EXPECT_THAT(to_vector<float>(model.a.array()), Each(0.5f));
}

TEST(LossScaleTest, AHookThatOnlyLooksChangesNoBit) {
  for (const Dtype dtype : {Dtype::kFloat16, Dtype::kBFloat16, Dtype::kFloat32}) {
    SCOPED_TRACE(dtype);
    const auto momentum = [&](bool hooked) {
      Pair model(dtype);
      MomentumSgd optimizer({.lr = 1000});
      optimizer.setup(model);
      optimizer.set_loss_scale(32768);
      if (hooked) optimizer.add_hook("look", [](Optimizer&) {});
      give_gradient(model.a, 6.4e-4);  // 2e-8 behind the scale: zero in float16
      optimizer.update();
      return to_vector<float>(optimizer.state("v", model.a));
    };
    EXPECT_EQ(momentum(true), momentum(false));
    EXPECT_THAT(momentum(true), Each(Lt(-1e-5f)));
  }
}

TEST(LossScaleTest, HooksChangeGradientsOf16BitsInFloat32) {
  Pair model(Dtype::kFloat16);
  Sgd optimizer({.lr = 1});
  optimizer.setup(model);
  optimizer.set_loss_scale(8);
  optimizer.add_hook("change", [&](Optimizer&) {
    EXPECT_EQ(model.a.grad().dtype(), Dtype::kFloat32);
    EXPECT_THAT(to_vector<float>(model.a.grad()), Each(0.5f));
    model.a.grad().fill(0.25 + 1.0 / 4096);
  });
  give_gradient(model.a, 4);
  optimizer.update();
  EXPECT_THAT(to_vector<float>(optimizer.state("master", model.a)), Each(0.75f - 1.0f / 4096));
  EXPECT_FALSE(model.a.grad());
  optimizer.add_hook("fail", [](Optimizer&) { throw ValueError("on purpose"); });
  give_gradient(model.a, 4);
  EXPECT_THROW(optimizer.update(), ValueError);
  for (const ParameterArena& arena : optimizer.arenas()) EXPECT_EQ(arena.gradients.dtype(), arena.values.dtype());
}

TEST(LossScaleTest, PostHooksChangeParametersOf16BitsInFloat32) {
  struct Halves : Link {
    Parameter a{{3}, init::ones(), Dtype::kFloat16}, frozen{{2}, init::ones(), Dtype::kFloat16};
    Halves() {
      add("a", a);
      add("frozen", frozen);
    }
  } model;
  model.frozen.update_enabled = false;
  Sgd optimizer({.lr = 1});
  optimizer.setup(model);
  optimizer.loss_scaling();
  optimizer.add_hook(
      "decay",
      [&](Optimizer& o) {
        EXPECT_EQ(o.loss_scale(), 1);  // it moves later
        EXPECT_EQ(model.a.array().dtype(), Dtype::kFloat32);
        EXPECT_EQ(o.arenas().front().values.dtype(), Dtype::kFloat32);
        EXPECT_THAT(to_vector<float>(model.a.array()), Each(0.5f));
        EXPECT_THAT(to_vector<float>(model.a.grad()), Each(0.5f));
        EXPECT_THAT(to_vector<float>(model.frozen.array()), Each(1.0f));
        model.a.array().fill(0.5 - 1.0 / 65536);  // float16 has no such number
      },
      HookTiming::kPost);
  give_gradient(model.a, 0.5);
  optimizer.update();
  EXPECT_THAT(to_vector<float>(optimizer.state("master", model.a)), Each(0.5f - 1.0f / 65536));
  EXPECT_THAT(to_vector<float>(model.a.array()), Each(0.5f));
  EXPECT_EQ(model.a.array().dtype(), Dtype::kFloat16);
  EXPECT_TRUE(model.a.grad_destination());
  EXPECT_EQ(optimizer.loss_scale(), 2);
  optimizer.remove_hook("decay");
  optimizer.update();  // of zeros: what the hook has written stays
  EXPECT_THAT(to_vector<float>(optimizer.state("master", model.a)), Each(0.5f - 1.0f / 65536));
}

TEST(LossScaleTest, DoublesUntilAStepIsNotFiniteAndSkipsThatStep) {
  Pair model(Dtype::kFloat16);
  Sgd optimizer({.lr = 0.001});
  optimizer.setup(model);
  optimizer.loss_scaling(/*interval=*/2);
  EXPECT_EQ(optimizer.loss_scale(), 1);
  for (int i = 0; i < 4; ++i) {
    give_gradient(model.a, 1);
    optimizer.update();
  }
  EXPECT_EQ(optimizer.loss_scale(), 16);
  const std::vector<float> before = to_vector<float>(model.a.array());
  give_gradient(model.a, 1e6);  // infinity in float16
  optimizer.update();
  EXPECT_EQ(optimizer.loss_scale(), 8);
  EXPECT_EQ(optimizer.t(), 5);
  EXPECT_EQ(to_vector<float>(model.a.array()), before);
  EXPECT_FALSE(model.a.grad());
  for (int i = 0; i < 2; ++i) {
    give_gradient(model.a, 1);
    optimizer.update();
  }
  EXPECT_NEAR(optimizer.loss_scale(), 16, 1e-9);  // by the square root of 2 a step
}

TEST(LossScaleTest, StaysBetween1And65504) {
  LossScale scale = LossScale::dynamic(1000);
  for (int i = 0; i < 40; ++i) scale.after_step(true);
  EXPECT_EQ(scale.value(), 65504);
  for (int i = 0; i < 40; ++i) scale.after_step(false);
  EXPECT_EQ(scale.value(), 1);
}

TEST(LossScaleTest, RefusesWhatIsNoScale) {
  EXPECT_THAT([] { LossScale::fixed(0); }, ThrowsMessage<ValueError>(HasSubstr("above 0")));
  EXPECT_THAT([] { LossScale::dynamic(0); }, ThrowsMessage<ValueError>(HasSubstr("interval")));
}

}  // namespace
}  // namespace rensa
