#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/array/index.h"
#include "core/autograd/parameter.h"
#include "core/error.h"
#include "core/functions/activation.h"
#include "core/functions/arithmetic.h"
#include "core/functions/attention.h"
#include "core/functions/indexing.h"
#include "core/functions/linear.h"
#include "core/functions/math.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "core/functions/softmax_cross_entropy.h"
#include "core/links/linear.h"
#include "core/optimizers/sgd.h"

namespace rensa {
namespace {

namespace F = functions;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(WrittenInPlaceTest, AnInputThatTheGradientNeedsIsNamed) {
  const Variable a(ones({2}), true), b(full({2}, 3));
  const Variable y = F::sum(a * b);
  b.array().fill(7);
  EXPECT_THAT([&] { y.backward(); },
              ThrowsMessage<GraphError>(AllOf(HasSubstr("mul"), HasSubstr("input 1"), HasSubstr("(2,)"))));
}

TEST(WrittenInPlaceTest, AnOutputThatTheGradientNeedsIsNamed) {
  const Variable x(ones({2}), true), y = F::tanh(x);
  y.array().copy_from(zeros({2}));
  EXPECT_THAT([&] { F::sum(y).backward(); },
              ThrowsMessage<GraphError>(AllOf(HasSubstr("tanh"), HasSubstr("output 0"))));
}

TEST(WrittenInPlaceTest, AWriteThroughAViewOrAnIndexCounts) {
  const Variable a(ones({2, 2}), true), b(full({2, 2}, 3));
  const Variable y = F::sum(a * b);
  b.array().select(0, 1).fill(7);
  EXPECT_THROW(y.backward(), GraphError);
  const Variable again = F::sum(a * b);
  set(b.array(), Index{array(std::vector<std::int64_t>{0}, {1})}, full({2}, 9));
  EXPECT_THROW(again.backward(), GraphError);
}

TEST(WrittenInPlaceTest, SoDoLabelsConditionsAndBiases) {
  const Variable x(ones({2, 2}), true);
  const Array t = array<std::int32_t>({0, 1}), condition = zeros({2, 2}, Dtype::kBool), bias = zeros({2, 2});
  const Variable loss = F::softmax_cross_entropy(x, t), chosen = F::sum(F::where(condition, x, x * 2.0)),
                 attended = F::sum(F::scaled_dot_product_attention(x, x, x, {.bias = bias}));
  for (const Array& array : {t, condition, bias}) array.fill(1);
  EXPECT_THAT([&] { loss.backward(); },
              ThrowsMessage<GraphError>(AllOf(HasSubstr("softmax_cross_entropy"), HasSubstr("target, int32 (2,)"))));
  EXPECT_THAT([&] { chosen.backward(); },
              ThrowsMessage<GraphError>(AllOf(HasSubstr("where"), HasSubstr("condition, bool (2, 2)"))));
  EXPECT_THAT([&] { attended.backward(); },
              ThrowsMessage<GraphError>(AllOf(HasSubstr("attention"), HasSubstr("bias, float32"))));
}

TEST(WrittenInPlaceTest, WhatNoGradientNeedsMayBeWritten) {
  const Variable a(ones({2}), true), b(full({2}, 3));
  const Variable sum = a + b;
  b.array().fill(7);
  sum.array().fill(1);
  F::sum(sum).backward();
  EXPECT_THAT(to_vector<float>(a.grad()), ElementsAre(1, 1));
}

TEST(WrittenInPlaceTest, ACopyMayBeWritten) {
  const Variable a(ones({2}), true), b(full({2}, 3));
  const Variable y = F::sum(a * b);
  b.array().copy().fill(7);
  y.backward();
  EXPECT_THAT(to_vector<float>(a.grad()), ElementsAre(3, 3));
}

TEST(WrittenInPlaceTest, AnUpdateBetweenForwardAndBackwardIsRefused) {
  Linear model({.in = 2, .out = 1});
  Sgd optimizer({.lr = 0.1});
  optimizer.setup(model);
  const Variable x(ones({1, 2}), true);
  const Variable first = F::sum(model(x)), second = F::sum(model(x));
  first.backward();
  optimizer.update();
  EXPECT_THAT([&] { second.backward(); }, ThrowsMessage<GraphError>(AllOf(HasSubstr("linear"), HasSubstr("update"))));
  F::sum(model(x)).backward();  // a new forward sees the new weights
}

}  // namespace
}  // namespace rensa
