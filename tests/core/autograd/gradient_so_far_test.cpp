#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/autograd/config.h"
#include "core/autograd/function.h"
#include "core/autograd/function_hook.h"
#include "core/autograd/gradient_check.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/convolution.h"
#include "core/functions/math.h"
#include "core/functions/reduction.h"
#include "core/kernels/arithmetic.h"
#include "core/kernels/memory.h"
#include "tests/support/near_by_largest.h"

namespace rensa {
namespace {

namespace F = functions;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// y = 3 x, whose gradient is added to what x has got already.
struct Threefold final : Function {
  int& taken;
  explicit Threefold(int& count) : taken(count) {}
  const char* name() const override { return "threefold"; }
  Array forward(const Array& x) override { return kernels::mul_number(x, 3); }
  Variables backward(const Variable& gy) override {
    const Array own = kernels::mul_number(gy.array(), 3), so_far = take_gradient_so_far(0, own.shape(), own.dtype());
    if (!so_far) return {Variable(own)};
    ++taken;
    kernels::accumulate(so_far, own);
    return {Variable(so_far)};
  }
};

struct GradientSoFarTest : ::testing::Test {
  int taken = 0;
  Variable x{array<float>({1, 2}), true};
  /// 3 v + v^2, the square being made last: its gradient comes first.
  Variable sum_of_both(const Variable& v) {
    const Variable first = threefold(v), second = F::square(v);
    return F::sum(first + second);
  }
  Variable threefold(const Variable& v) { return apply(make_function<Threefold>(taken), v); }
};

TEST_F(GradientSoFarTest, IsAddedToOnce) {
  const Variable inner = F::square(x);
  sum_of_both(inner).backward();
  EXPECT_EQ(taken, 1);
  EXPECT_THAT(to_vector<float>(x.grad()), ElementsAre(2 * 1 * (3 + 2 * 1), 2 * 2 * (3 + 2 * 4)));
}

TEST_F(GradientSoFarTest, IsNotThereForTheFirst) {
  const Variable inner = F::square(x), squared = F::square(inner);
  F::sum(threefold(inner) + squared).backward();
  EXPECT_EQ(taken, 0);
  EXPECT_THAT(to_vector<float>(x.grad()), ElementsAre(2 * 1 * (3 + 2 * 1), 2 * 2 * (3 + 2 * 4)));
}

TEST_F(GradientSoFarTest, OfOneThatOthersSeeIsLeftAlone) {
  const Variable inner = F::square(x), y = threefold(inner);
  Variable sum = y + inner;  // inner and y get one gradient, in one array
  sum.set_grad(array<float>({1, 1}));
  sum.backward();
  EXPECT_EQ(taken, 0);
  EXPECT_THAT(to_vector<float>(x.grad()), ElementsAre(2 * 1 * 4, 2 * 2 * 4));
  EXPECT_THAT(to_vector<float>(sum.grad()), ElementsAre(1, 1));
}

TEST_F(GradientSoFarTest, OfALeafIsLeftToTheLeaf) {
  sum_of_both(x).backward();
  EXPECT_EQ(taken, 0);
  EXPECT_THAT(to_vector<float>(x.grad()), ElementsAre(3 + 2, 3 + 4));
}

TEST_F(GradientSoFarTest, GradCollectsTheWholeSum) {
  const Variable inner = F::square(x);
  const Variables found = grad({sum_of_both(inner)}, {inner, x});
  EXPECT_EQ(taken, 1);
  EXPECT_THAT(to_vector<float>(found[0].array()), ElementsAre(3 + 2 * 1, 3 + 2 * 4));
  EXPECT_THAT(to_vector<float>(found[1].array()), ElementsAre(2 * 1 * (3 + 2 * 1), 2 * 2 * (3 + 2 * 4)));
}

TEST_F(GradientSoFarTest, DoubleBackpropGoesItsOwnWay) {
  const Variable inner = F::square(x);
  const Variables first = grad({sum_of_both(inner)}, {x}, {}, {.enable_double_backprop = true});
  EXPECT_EQ(taken, 0);
  EXPECT_THAT(to_vector<float>(first[0].array()), ElementsAre(2 * 1 * (3 + 2 * 1), 2 * 2 * (3 + 2 * 4)));
}

/// Hooks are to see each function's own gradients.
TEST_F(GradientSoFarTest, HooksSeeEachOwnGradient) {
  struct Collect final : FunctionHook {
    std::vector<std::vector<float>> seen;
    void after_backward(const Function& function, const Variables& gradients) override {
      if (function.name() == std::string("threefold")) seen.push_back(to_vector<float>(gradients[0].array()));
    }
  } hook;
  const Variable inner = F::square(x);
  const Variable loss = sum_of_both(inner);
  {
    const FunctionHookScope scope(hook);
    loss.backward();
  }
  EXPECT_THAT(hook.seen, ElementsAre(std::vector<float>{3, 3}));
  EXPECT_THAT(to_vector<float>(x.grad()), ElementsAre(2 * 1 * (3 + 2 * 1), 2 * 2 * (3 + 2 * 4)));
}

TEST_F(GradientSoFarTest, OneVariableTwiceInOneFunction) {
  /// y = 3 a + b
  struct Both final : Function {
    const char* name() const override { return "both"; }
    Array forward(const Array& a, const Array& b) override { return kernels::add(kernels::mul_number(a, 3), b); }
    Variables backward(const Variable& gy) override {
      const Array own = kernels::mul_number(gy.array(), 3), so_far = take_gradient_so_far(0, own.shape(), own.dtype());
      EXPECT_TRUE(so_far);
      kernels::accumulate(so_far, own);
      return {Variable(so_far), gy};
    }
  };
  const Variable inner = F::square(x);
  const Variable first = apply<Both>(inner, inner), second = F::square(inner);
  F::sum(first + second).backward();
  EXPECT_THAT(to_vector<float>(x.grad()), ElementsAre(2 * 1 * (4 + 2 * 1), 2 * 2 * (4 + 2 * 4)));
}

TEST_F(GradientSoFarTest, RetainedGradientsAreWhole) {
  const Variable inner = F::square(x);
  sum_of_both(inner).backward({.retain_grad = true});
  EXPECT_EQ(taken, 1);
  EXPECT_THAT(to_vector<float>(inner.grad()), ElementsAre(3 + 2 * 1, 3 + 2 * 4));
}

TEST_F(GradientSoFarTest, AnotherShapeOrDtypeIsNotGiven) {
  struct Asks final : Function {
    Shape shape;
    Dtype dtype;
    Asks(const Shape& s, Dtype d) : shape(s), dtype(d) {}
    const char* name() const override { return "asks"; }
    Array forward(const Array& x) override { return x.copy(); }
    Variables backward(const Variable& gy) override {
      EXPECT_FALSE(take_gradient_so_far(0, shape, dtype));
      return {gy};
    }
  };
  for (const auto& [shape, dtype] : {std::pair(Shape{3}, Dtype::kFloat32), std::pair(Shape{2}, Dtype::kFloat64)}) {
    const Variable inner = F::square(x);
    const Variable first = apply(make_function<Asks>(shape, dtype), inner), second = F::square(inner);
    F::sum(first + second).backward();
  }
}

TEST_F(GradientSoFarTest, OneThatIsTakenAndNotReturnedIsAnError) {
  struct Forgets final : Function {
    const char* name() const override { return "forgets"; }
    Array forward(const Array& x) override { return x.copy(); }
    Variables backward(const Variable& gy) override {
      take_gradient_so_far(0, gy.shape(), gy.dtype());
      return {gy};
    }
  };
  const Variable inner = F::square(x);
  const Variable first = apply<Forgets>(inner), second = F::square(inner);
  EXPECT_THAT([&] { F::sum(first + second).backward(); },
              ThrowsMessage<GraphError>(AllOf(HasSubstr("forgets"), HasSubstr("take_gradient_so_far"))));
}

TEST_F(GradientSoFarTest, IsNotThereOutsideAWalk) {
  const Variable inner = F::square(x), y = threefold(inner);
  const NoBackpropMode scope;
  const Variables found = y.creator()->backward(Variable(array<float>({1, 1})));
  EXPECT_EQ(taken, 0);
  EXPECT_THAT(to_vector<float>(found[0].array()), ElementsAre(3, 3));
}

/// A residual block: convolutions of any kind add to the gradient that the shortcut has sent.
TEST(ConvolutionGradientSoFarTest, ResidualBlocksAgreeWithFloat64) {
  for (const Dtype dtype : {Dtype::kFloat32, Dtype::kFloat16, Dtype::kBFloat16}) {
    for (const std::int64_t kernel : {1, 3}) {
      const Shape W_shape{96, 96, kernel, kernel};
      const Array x = random_array({2, 96, 9, 8}, 1).to(dtype).channels_last(), W = random_array(W_shape, 2).to(dtype);
      const Array gy = random_array(x.shape(), 3).to(dtype).channels_last();
      const auto gradient = [&](Dtype computed) {
        Variable leaf(x.to(computed), true);
        const Variable inner = leaf * 2.0;
        const F::ConvolutionOptions options{.pad = {kernel / 2, kernel / 2}};
        Variable y = F::convolution_2d(inner, Variable(W.to(computed)), nullptr, options) + F::square(inner);
        y.set_grad(gy.to(computed));
        y.backward();
        return leaf.grad().to(Dtype::kFloat64).contiguous();
      };
      const Array exact = gradient(Dtype::kFloat64);
      const double tolerance = dtype == Dtype::kFloat32 ? 1e-5 : dtype == Dtype::kFloat16 ? 2e-3 : 1e-2;
      EXPECT_TRUE(rensa::testing::near_by_largest(gradient(dtype), exact, tolerance)) << dtype << " " << kernel;
    }
  }
}

}  // namespace
}  // namespace rensa
