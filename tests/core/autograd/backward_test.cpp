#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/autograd/function.h"
#include "core/autograd/gradient_check.h"
#include "core/autograd/parameter.h"
#include "core/error.h"
#include "core/functions/activation.h"
#include "core/functions/math.h"
#include "core/functions/softmax.h"
#include "core/functions/trigonometry.h"
#include "core/kernels/memory.h"
#include "tests/support/golden_file.h"

namespace rensa {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// x0 × x1, element by element, in float64: enough to build any polynomial.
struct Multiply final : Function {
  const char* name() const override { return "multiply"; }
  Array forward(const Array& a, const Array& b) override {
    retain_inputs(0, 1);
    Array y = empty_like(a);
    for (std::int64_t i = 0; i < a.size(); ++i) y.data<double>()[i] = a.data<double>()[i] * b.data<double>()[i];
    return y;
  }
  Variables backward(const Variable& gy) override {
    auto [a, b] = retained_inputs<2>();
    return {apply<Multiply>(gy, b), apply<Multiply>(gy, a)};
  }
};
Variable operator*(const Variable& a, const Variable& b) { return apply<Multiply>(a, b); }

/// (x, 2x): two outputs.
struct Fork final : Function {
  const char* name() const override { return "fork"; }
  Arrays forward(const Arrays& x) override {
    Array twice = x[0].copy();
    kernels::accumulate(twice, x[0]);
    return {x[0].copy(), twice};
  }
  Variables backward(const Variables& gys) override {
    Array gx = zeros_like(gys[0] ? gys[0].array() : gys[1].array());
    if (gys[0]) kernels::accumulate(gx, gys[0].array());
    if (gys[1]) {
      kernels::accumulate(gx, gys[1].array());
      kernels::accumulate(gx, gys[1].array());
    }
    return {Variable(gx)};
  }
};

Variable scalar(double value) { return Variable(full({}, value, Dtype::kFloat64), /*requires_grad=*/true); }

TEST(BackwardTest, SumsGradientsThatMeet) {
  const Variable x = scalar(3);
  (x * x * x).backward();
  EXPECT_DOUBLE_EQ(x.grad().item<double>(), 27);
}

TEST(BackwardTest, AddsToWhatIsThereUntilCleared) {
  Variable x = scalar(3);
  (x * x).backward();
  (x * x).backward();
  EXPECT_DOUBLE_EQ(x.grad().item<double>(), 12);
  x.clear_grad();
  EXPECT_FALSE(x.grad());
}

TEST(BackwardTest, SecondDerivativeThroughTheGradientsOwnGraph) {
  const Variable x = scalar(2);
  const Variables gx = grad({x * x * x}, {x}, {}, {.enable_double_backprop = true});
  EXPECT_DOUBLE_EQ(gx[0].item<double>(), 12);
  EXPECT_DOUBLE_EQ(grad(gx, {x})[0].item<double>(), 12);  // d(3x²)/dx = 6x
  EXPECT_FALSE(x.grad());
}

TEST(BackwardTest, GradientCheckAgreesTwice) {
  const auto cube = [](const Variable& x) { return x * x * x; };
  check_gradient(cube, random_array({2, 3}, 1));
  check_double_gradient(cube, random_array({2, 3}, 1));
}

TEST(BackwardTest, GradientCheckFindsAWrongGradient) {
  struct Wrong final : Function {
    const char* name() const override { return "wrong"; }
    Array forward(const Array& x) override { return x.copy(); }
    Variables backward(const Variable& gy) override { return {gy * gy}; }
  };
  EXPECT_THAT([] { check_gradient([](const Variable& x) { return apply<Wrong>(x); }, random_array({3}, 1)); },
              ThrowsMessage<ValueError>(HasSubstr("central differences")));
}

TEST(BackwardTest, GradientCheckSaysWhereThereIsNone) {
  const auto f = [](const Variable& x) { return functions::abs(x); };
  const GradientCheckOptions detecting = {.detect_nondifferentiable = true};
  check_gradient(f, array<double>({0.5, -1}), detecting);
  EXPECT_THROW(check_gradient(f, array<double>({0, 1}), detecting), NondifferentiableError);
  const auto jump = [](const Variable& x) { return functions::sign(x); };
  EXPECT_THROW(check_gradient(jump, array<double>({0, 1}), detecting), NondifferentiableError);
  EXPECT_THROW(check_gradient(f, array<double>({1e-6}), detecting), NondifferentiableError);  // within eps
}

TEST(BackwardTest, NumericalGradIsTheGradientElementByElement) {
  const std::vector<Array> x = {array<double>({1, 2, 3}), array<double>({4, 5, 6})}, gy = {array<double>({1, -1, 2})};
  const auto f = [](const Variables& v) { return Variables{v[0] * v[1]}; };
  const std::vector<Array> gx = numerical_grad(f, x, gy);
  ASSERT_EQ(gx.size(), 2u);
  EXPECT_TRUE(rensa::testing::near(gx[0], array<double>({4, -5, 12}), 1e-9));
  EXPECT_TRUE(rensa::testing::near(gx[1], array<double>({1, -2, 6}), 1e-9));
  EXPECT_THROW(numerical_grad(f, {ones({1}), ones({1})}, {ones({1})}), DtypeError);
  EXPECT_THAT([&] { numerical_grad(f, x, {}); }, ThrowsMessage<GraphError>(HasSubstr("1 outputs, found 0")));
  EXPECT_THAT([&] { numerical_grad(f, x, {array<double>({1, -1})}); },
              ThrowsMessage<ShapeError>(HasSubstr("grad_outputs[0] is (2,)")));
}

TEST(BackwardTest, GradAddsWhatIsGivenAndSetsIfAsked) {
  const Variable x(array<double>({3}), true), y(array<double>({5}), true);
  const Variables g =
      grad({x * x}, {x, y}, {},
           {.grad_inputs = {Variable(array<double>({1})), Variable(array<double>({7}))}, .set_grad = true});
  EXPECT_THAT(to_vector<double>(g[0].array()), ElementsAre(7));
  EXPECT_THAT(to_vector<double>(g[1].array()), ElementsAre(7));
  EXPECT_THAT(to_vector<double>(x.grad()), ElementsAre(7));
  EXPECT_FALSE(grad({x * x}, {x, y})[1]);
  EXPECT_THAT(to_vector<double>(x.grad()), ElementsAre(7));
  EXPECT_THAT([&] { grad({x * x}, {x, y}, {}, {.grad_inputs = {x}}); },
              ThrowsMessage<GraphError>(HasSubstr("2 inputs, but 1 grad_inputs")));
}

TEST(BackwardTest, GradientsThatAreGivenMustHaveTheirVariablesShape) {
  const Variable x(ones({3}, Dtype::kFloat64), true), wrong(ones({30000}, Dtype::kFloat64));
  const Variable y = x * x;
  EXPECT_THAT([&] { grad({y}, {x}, {wrong}); }, ThrowsMessage<ShapeError>(HasSubstr("(30000,)")));
  const Variable one(ones({3}, Dtype::kFloat64));
  EXPECT_THAT([&] { grad({y}, {x}, {one}, {.grad_inputs = {wrong}}); },
              ThrowsMessage<ShapeError>(HasSubstr("(30000,)")));
}

TEST(BackwardTest, GradStartsFromOneWhateverWasSetBefore) {
  const Variable x = scalar(3);
  const Variable y = x * x;
  y.backward({.retain_grad = true, .retain_graph = true, .loss_scale = 1024});
  EXPECT_DOUBLE_EQ(grad({y}, {x})[0].item<double>(), 6);
}

TEST(BackwardTest, GradientsOfOtherDtypesAreConverted) {
  for (const Dtype dtype : {Dtype::kFloat16, Dtype::kBFloat16, Dtype::kFloat32, Dtype::kFloat64}) {
    for (const Dtype other : {Dtype::kFloat16, Dtype::kFloat32, Dtype::kFloat64}) {
      SCOPED_TRACE(::testing::Message() << dtype << ' ' << other);
      Variable x(full({6}, 1, dtype), true);
      x.set_grad(Variable(full({6}, 2, other)));
      Variable y = functions::sin(functions::relu(x));
      y.set_grad(Variable(full({6}, 3, other)));
      y.backward({.retain_graph = true});
      EXPECT_EQ(x.grad().dtype(), dtype);
      for (const double g : to_vector<double>(x.grad())) EXPECT_NEAR(g, 2 + 3 * std::cos(1), 0.03);
      const Variable given =
          grad({y}, {x}, {Variable(full({6}, 3, other))}, {.grad_inputs = {Variable(full({6}, 1, other))}})[0];
      EXPECT_EQ(given.dtype(), dtype);
      for (const double g : to_vector<double>(given.array())) EXPECT_NEAR(g, 1 + 3 * std::cos(1), 0.03);
    }
  }
  Variable lines(ones({64, 1000}), true);  // whose kernels run on several threads
  for (Variable y : {functions::softmax(lines), functions::log_softmax(lines)}) {
    y.set_grad(Variable(ones({64, 1000}, Dtype::kFloat64)));
    y.backward();
    EXPECT_NEAR(to_vector<float>(lines.grad())[0], 0, 1e-4);
  }
}

TEST(VariableTest, AddsAnothersGradientAndCopiesItsElements) {
  Variable x(array<double>({1, 2})), other(array<float>({3, 4}));
  x.add_grad(other);
  EXPECT_FALSE(x.grad());
  other.set_grad(array<float>({5, 6}));
  x.add_grad(other);
  x.add_grad(other);
  EXPECT_EQ(x.grad().dtype(), Dtype::kFloat64);
  EXPECT_THAT(to_vector<double>(x.grad()), ElementsAre(10, 12));
  EXPECT_THAT(to_vector<float>(other.grad()), ElementsAre(5, 6));
  x.copy_data(other);
  EXPECT_THAT(to_vector<double>(x.array()), ElementsAre(3, 4));
  EXPECT_THROW(x.copy_data(Variable(zeros({3}))), ShapeError);
  Variable longer(zeros({3}));
  EXPECT_THROW(longer.add_grad(other), ShapeError);
}

TEST(ParameterTest, AnAddedGradientLiesInItsPlace) {
  Parameter w({2}, init::zeros());
  const Array place = zeros({2});
  w.set_grad_destination(place);
  Variable other(zeros({2}));
  other.set_grad(array<float>({5, 6}));
  w.add_grad(other);
  w.add_grad(other);
  EXPECT_EQ(w.grad().raw_data(), place.raw_data());
  EXPECT_THAT(to_vector<float>(place), ElementsAre(10, 12));
}

TEST(BackwardTest, OutputsThatNothingUsedGiveNoGradient) {
  const Variable x = scalar(1);
  apply_all(make_function<Fork>(), {x})[1].backward();
  EXPECT_DOUBLE_EQ(x.grad().item<double>(), 2);
}

TEST(BackwardTest, ReleasesTheGraphAndSaysSoTheSecondTime) {
  const Variable x = scalar(3);
  const Variable y = x * x;
  y.backward();
  EXPECT_THAT([&] { y.backward(); }, ThrowsMessage<GraphError>(HasSubstr("retain_graph")));
  const Variable z = x * x;
  z.backward({.retain_graph = true});
  z.backward();
  EXPECT_DOUBLE_EQ(x.grad().item<double>(), 18);
}

TEST(BackwardTest, TwoLossesMayShareATrunk) {
  const Variable x = scalar(2);
  const Variable trunk = x * x;
  const Variable a = trunk * trunk, b = trunk * x;
  a.backward();
  EXPECT_DOUBLE_EQ(x.grad().item<double>(), 32);
  b.backward();
  EXPECT_DOUBLE_EQ(x.grad().item<double>(), 32 + 12);
}

TEST(BackwardTest, KeepsIntermediateGradientsWhenAsked) {
  const Variable x = scalar(2);
  const Variable h = x * x;
  (h * h).backward({.retain_grad = true});
  EXPECT_DOUBLE_EQ(h.grad().item<double>(), 8);
}

TEST(BackwardTest, StartsOnlyFromAScalarOrAGivenGradient) {
  Variable y = Variable(ones({2}, Dtype::kFloat64), true) * Variable(ones({2}, Dtype::kFloat64));
  EXPECT_THAT([&] { y.backward(); }, ThrowsMessage<GraphError>(HasSubstr("(2,)")));
  y.set_grad(Variable(ones({2}, Dtype::kFloat64)));
  y.backward();
  EXPECT_THAT([&] { y.set_grad(Variable(ones({3}))); }, ThrowsMessage<ShapeError>(HasSubstr("(3,)")));
}

TEST(BackwardTest, UnchainedVariablesEndTheWalk) {
  const Variable x = scalar(2), w = scalar(5);
  Variable h = x * x;
  const Variable y = h * w;
  h.unchain();
  y.backward();
  EXPECT_FALSE(x.grad());
  EXPECT_DOUBLE_EQ(w.grad().item<double>(), 4);
}

TEST(BackwardTest, NothingIsRecordedInNoBackpropMode) {
  const Variable x = scalar(2);
  const NoBackpropMode scope;
  EXPECT_EQ((x * x).creator(), nullptr);
}

TEST(BackwardTest, AHundredThousandStepsDoNotOverflowTheStack) {
  const Variable x = scalar(1);
  Variable h = x;
  for (int i = 0; i < 100000; ++i) h = h * x;
  h.backward();
  EXPECT_DOUBLE_EQ(x.grad().item<double>(), 100001);
}

TEST(ParameterTest, HookRunsOnceWhenTheGradientIsCompleteAndInPlace) {
  Parameter w({2}, init::constant(3), Dtype::kFloat64);
  const Array place = zeros({2}, Dtype::kFloat64);
  w.set_grad_destination(place);
  std::vector<double> seen;
  w.on_gradient([&](const Variable& v) { seen = to_vector<double>(v.grad()); });
  Variable y = w * w;
  y.set_grad(Variable(ones({2}, Dtype::kFloat64)));
  y.backward();
  EXPECT_THAT(seen, Each(6.0));
  EXPECT_THAT(to_vector<double>(place), Each(6.0));
  EXPECT_EQ(w.grad().raw_data(), place.raw_data());
}

TEST(ParameterTest, HookRunsOnceWhereTheParameterIsAnOutputToo) {
  Parameter w({}, init::constant(3), Dtype::kFloat64);
  std::vector<double> seen;
  w.on_gradient([&](const Variable& v) { seen.push_back(v.grad().item<double>()); });
  backward({w * w, w});
  EXPECT_THAT(seen, ElementsAre(7));
  w.clear_grad();
  w.backward();
  EXPECT_THAT(seen, ElementsAre(7, 1));
}

TEST(ParameterTest, WhatRefusesAGradientIsAskedBeforeAnyIsComputed) {
  Parameter w({2}, init::constant(3), Dtype::kFloat64);
  const Array place = zeros({2}, Dtype::kFloat64);
  w.set_grad_destination(place);
  int asked = 0;
  bool refuses = false;
  w.before_gradient([&] {
    ++asked;
    if (refuses) throw GraphError("not now");
  });
  const Variable one(ones({2}, Dtype::kFloat64));
  Variable y = w * w;
  y.set_grad(one);
  y.backward({.retain_graph = true});
  EXPECT_EQ(asked, 1);
  refuses = true;
  EXPECT_THROW(y.backward({.retain_graph = true}), GraphError);
  EXPECT_THAT(to_vector<double>(place), Each(6.0));
  EXPECT_THAT(to_vector<double>(grad({y}, {w}, {one})[0].array()), Each(6.0)) << "grad() leaves w.grad() alone";
  EXPECT_EQ(asked, 2);
  w.before_gradient(nullptr);
  y.backward();
  EXPECT_THAT(to_vector<double>(place), Each(12.0));
}

TEST(ParameterTest, AGradientThatLiesElsewhereIsAddedTo) {
  Parameter w({2}, init::constant(3), Dtype::kFloat64);
  const Array place = zeros({2}, Dtype::kFloat64);
  w.set_grad_destination(place);
  const auto backward = [&](const BackwardOptions& options = {}) {  // adds 6 to each
    Variable y = w * w;
    y.set_grad(Variable(ones({2}, Dtype::kFloat64)));
    y.backward(options);
  };
  w.set_grad(Variable(full({2}, 10, Dtype::kFloat64)));
  backward();
  EXPECT_THAT(to_vector<double>(w.grad()), Each(16.0));
  EXPECT_EQ(w.grad().raw_data(), place.raw_data());
  backward();
  EXPECT_THAT(to_vector<double>(w.grad()), Each(22.0));
  w.clear_grad();
  backward({.enable_double_backprop = true});
  backward();
  EXPECT_THAT(to_vector<double>(w.grad()), Each(12.0));
  EXPECT_EQ(w.grad().raw_data(), place.raw_data());
}

TEST(ParameterTest, SameSeedSameValuesInWhateverLayout) {
  seed_parameters(7);
  const Parameter a({4, 3}, init::lecun_normal());
  seed_parameters(7);
  const Parameter b({4, 3}, init::lecun_normal());
  const Parameter c({4, 3}, init::lecun_normal());
  EXPECT_EQ(to_vector<float>(a.array()), to_vector<float>(b.array()));
  EXPECT_NE(to_vector<float>(a.array()), to_vector<float>(c.array()));
}

TEST(ParameterTest, ALazyOneDrawsByTheSeedOfItsCreation) {
  seed_parameters(7);
  const Parameter at_once({3}, init::normal());
  seed_parameters(7);
  Parameter lazy(init::normal());
  seed_parameters(8);
  lazy.initialize({3});
  EXPECT_EQ(to_vector<float>(lazy.array()), to_vector<float>(at_once.array()));
}

TEST(ParameterTest, AsksItsGateBeforeTheArrayIsRead) {
  struct Gate final : ReadGate {
    Parameter* parameter = nullptr;
    int asked = 0;
    void before_read() override {
      ++asked;
      parameter->set_read_gate(nullptr);
      parameter->array().fill(5);
    }
  };
  Parameter w({2}, init::constant(3), Dtype::kFloat64);
  Gate gate;
  gate.parameter = &w;
  w.set_read_gate(&gate);
  const Variable y = w * w;
  EXPECT_EQ(gate.asked, 1);
  EXPECT_THAT(to_vector<double>(y.array()), Each(25.0));
  w.set_read_gate(&gate);
  EXPECT_THAT(to_vector<double>(w.array()), Each(5.0));
  EXPECT_EQ(gate.asked, 2);
}

}  // namespace
}  // namespace rensa
