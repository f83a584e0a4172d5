#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/autograd/function.h"
#include "core/autograd/function_hook.h"
#include "core/autograd/parameter.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/convolution.h"
#include "core/functions/linear.h"
#include "core/functions/math.h"
#include "core/functions/reduction.h"
#include "core/kernels/memory.h"

namespace rensa {
namespace {

namespace F = functions;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// x + w, whose backward gives w's gradient early and notes when it goes on to that of x.
struct NotingSum final : Function {
  std::vector<std::string>& notes;
  bool returns_it_too;
  NotingSum(std::vector<std::string>& to, bool twice) : notes(to), returns_it_too(twice) {}
  const char* name() const override { return "noting_sum"; }
  Array forward(const Array& x, const Array& w) override {
    Array y = x.copy();
    kernels::accumulate(y, w);
    return y;
  }
  Variables backward(const Variable& gy) override {
    const Variable of_w(gy.array().copy());
    Variable returned = give_early(1, of_w);
    notes.emplace_back("x");
    return {gy, returns_it_too ? of_w : returned};
  }
};

struct EarlyGradientTest : ::testing::Test {
  Parameter w{{2}, init::constant(3), Dtype::kFloat64};
  const Variable x{array<double>({1, 2}), /*requires_grad=*/true};
  std::vector<std::string> notes;
  void listen(GradientMoment moment) {
    w.on_gradient([&](const Variable&) { notes.emplace_back("w"); }, moment);
  }
  Variable sum(const Variable& a, const Variable& b, bool returns_it_too = false) {
    return apply(make_function<NotingSum>(notes, returns_it_too), a, b);
  }
};

TEST_F(EarlyGradientTest, AHookThatAsksForItIsCalledBeforeTheOtherGradientsAreComputed) {
  listen(GradientMoment::kEarly);
  F::sum(sum(x, w)).backward();
  EXPECT_THAT(notes, ElementsAre("w", "x"));
  EXPECT_THAT(to_vector<double>(w.grad()), ElementsAre(1, 1));
  EXPECT_THAT(to_vector<double>(x.grad()), ElementsAre(1, 1));
}

TEST_F(EarlyGradientTest, OtherHooksWaitForTheFunction) {
  listen(GradientMoment::kAfterFunction);
  F::sum(sum(x, w)).backward();
  EXPECT_THAT(notes, ElementsAre("x", "w"));
}

TEST_F(EarlyGradientTest, TheLastUseCompletesIt) {
  listen(GradientMoment::kEarly);
  F::sum(sum(sum(x, w), w)).backward();
  EXPECT_THAT(notes, ElementsAre("x", "w", "x"));
  EXPECT_THAT(to_vector<double>(w.grad()), ElementsAre(2, 2));
}

TEST_F(EarlyGradientTest, OneThatIsGivenAndReturnedIsRefused) {
  listen(GradientMoment::kEarly);
  EXPECT_THAT([&] { F::sum(sum(x, w, /*returns_it_too=*/true)).backward(); },
              ThrowsMessage<GraphError>(HasSubstr("Return what give_early() returned")));
}

TEST_F(EarlyGradientTest, GradCollectsItAndTellsNobody) {
  listen(GradientMoment::kEarly);
  const Variables found = grad({F::sum(sum(x, w))}, {w, x});
  EXPECT_THAT(notes, ElementsAre("x"));
  EXPECT_THAT(to_vector<double>(found[0].array()), ElementsAre(1, 1));
  EXPECT_FALSE(w.grad());
}

TEST_F(EarlyGradientTest, FunctionHooksSeeAllGradientsTogether) {
  struct Counting final : FunctionHook {
    int gradients = 0;
    void after_backward(const Function& f, const Variables& of_inputs) override {
      if (f.name() != std::string("noting_sum")) return;
      for (const Variable& g : of_inputs) gradients += static_cast<bool>(g);
    }
  } counting;
  listen(GradientMoment::kEarly);
  const FunctionHookScope scope(counting);
  F::sum(sum(x, w)).backward();
  EXPECT_EQ(counting.gradients, 2);
  EXPECT_THAT(notes, ElementsAre("x", "w"));
}

/// Linear and convolutional layers give W and b before x: once, whole, with the numbers that nobody's waiting gives.
TEST(EarlyGradientOfLayersTest, IsTheSameToTheBit) {
  const auto gradients = [](bool convolutional, bool early) {
    seed_parameters(5);
    Parameter W(convolutional ? Shape{3, 2, 3, 3} : Shape{3, 18}, init::normal());
    Parameter b({3}, init::normal());
    std::vector<std::vector<float>> seen;
    for (Parameter* p : {&W, &b}) {
      const auto hook = [&seen](const Variable& v) { seen.push_back(to_vector<float>(v.grad())); };
      p->on_gradient(hook, early ? GradientMoment::kEarly : GradientMoment::kAfterFunction);
    }
    const Variable x(arange(4 * 18).reshape({4, 2, 3, 3}).to(Dtype::kFloat32), /*requires_grad=*/true);
    const Variable y = convolutional ? F::convolution_2d(x, W, &b, {.pad = {1, 1}}) : F::linear(x, W, &b);
    F::sum(F::square(y)).backward();
    EXPECT_EQ(seen.size(), 2u);
    seen.push_back(to_vector<float>(x.grad()));
    return seen;
  };
  for (const bool convolutional : {false, true}) {
    EXPECT_EQ(gradients(convolutional, true), gradients(convolutional, false));
  }
}

}  // namespace
}  // namespace rensa
