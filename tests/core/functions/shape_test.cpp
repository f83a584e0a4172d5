#include "core/functions/shape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/autograd/gradient_check.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/reduction.h"

namespace rensa {
namespace {

namespace F = functions;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

/// Value-preserving functions have one behaviour to check: elements move, and gradients find the way back.
void check_both_gradients(const std::function<Variable(const Variable&)>& f, const Array& x) {
  check_gradient(f, x);
  check_double_gradient(f, x);
}

TEST(ReshapeTest, KeepsRowMajorOrderAndFillsInOneSize) {
  const Variable y = F::reshape(array<float>({0, 1, 2, 3, 4, 5}, {2, 3}), {3, -1});
  EXPECT_EQ(y.shape(), Shape({3, 2}));
  EXPECT_THAT(to_vector<float>(y.array()), ElementsAre(0, 1, 2, 3, 4, 5));
  check_both_gradients([](const Variable& x) { return F::reshape(x, {4, -1}); }, random_array({2, 3, 2}, 1));
}

TEST(ReshapeTest, NamesBothShapesWhenTheCountsDiffer) {
  EXPECT_THAT([] { F::reshape(zeros({2, 3}), {4, 2}); }, ThrowsMessage<ShapeError>(HasSubstr("(2, 3)")));
}

TEST(TransposeTest, ReversesAxesOrTakesAnOrder) {
  const Array x = array<float>({0, 1, 2, 3, 4, 5}, {2, 3});
  EXPECT_THAT(to_vector<float>(F::transpose(x).array()), ElementsAre(0, 3, 1, 4, 2, 5));
  EXPECT_EQ(F::transpose(zeros({2, 3, 4}), {1, 2, 0}).shape(), Shape({3, 4, 2}));
  check_both_gradients([](const Variable& v) { return F::transpose(v, {1, -1, 0}); }, random_array({2, 3, 4}, 2));
}

TEST(TransposeTest, RefusesARepeatedAxis) { EXPECT_THROW(F::transpose(zeros({2, 3}), {0, 0}), ShapeError); }

TEST(ExpandDimsTest, AddsAndRemovesAnAxis) {
  EXPECT_EQ(F::expand_dims(zeros({2, 3}), -1).shape(), Shape({2, 3, 1}));
  EXPECT_EQ(F::squeeze(zeros({2, 1, 3}), 1).shape(), Shape({2, 3}));
  EXPECT_THAT([] { F::squeeze(zeros({2, 3}), 0); }, ThrowsMessage<ShapeError>(HasSubstr("size 2, expected 1")));
  check_both_gradients([](const Variable& x) { return F::squeeze(F::expand_dims(x, 1), 1); }, random_array({2, 3}, 3));
}

TEST(SliceTest, TakesPythonSlices) {
  const Array x = arange(10, Dtype::kFloat32);
  EXPECT_THAT(to_vector<float>(F::slice(x, 0, {.start = 1, .stop = -2, .step = 3}).array()), ElementsAre(1, 4, 7));
  check_both_gradients([](const Variable& v) { return F::slice(v, 1, {.start = 1, .step = 2}); },
                       random_array({2, 5, 3}, 4));
}

TEST(SelectTest, DropsTheAxisAndRefusesIndicesOutside) {
  EXPECT_THAT(to_vector<float>(F::select(array<float>({0, 1, 2, 3}, {2, 2}), 0, -1).array()), ElementsAre(2, 3));
  EXPECT_THAT([] { F::select(zeros({2, 2}), 1, 2); }, ThrowsMessage<IndexError>(HasSubstr("expected -2 to 1")));
  check_both_gradients([](const Variable& v) { return F::select(v, 1, 2); }, random_array({2, 3, 2}, 5));
}

TEST(ConcatTest, JoinsAlongTheAxis) {
  const Variable y = F::concat({array<float>({1, 2}, {2, 1}), array<float>({3, 4, 5, 6}, {2, 2})});
  EXPECT_THAT(to_vector<float>(y.array()), ElementsAre(1, 3, 4, 2, 5, 6));
  const auto join = [](const Variables& xs) { return Variables{F::concat(xs, -1)}; };
  const std::vector<Array> parts = {random_array({2, 3}, 6), random_array({2, 1}, 7), random_array({2, 2}, 8)};
  check_gradient(join, parts);
  check_double_gradient(join, parts);
}

TEST(ConcatTest, PromotesAndRefusesOtherAxesThatDiffer) {
  EXPECT_THAT([] { F::concat({zeros({2, 3}), zeros({3, 3})}); }, ThrowsMessage<ShapeError>(HasSubstr("(3, 3)")));
  EXPECT_EQ(F::concat({zeros({2, 3}), zeros({2, 3}, Dtype::kFloat64)}).dtype(), Dtype::kFloat64);
  EXPECT_THROW(F::concat({}), ValueError);
}

TEST(SplitAxisTest, CutsEqualPartsThatConcatJoinsAgain) {
  const Array x = random_array({2, 6}, 9);
  const Variables parts = F::split_axis(x, 3, 1);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(to_vector<double>(F::concat(parts).array()), to_vector<double>(x));
  EXPECT_THAT([&] { F::split_axis(x, 4, 1); }, ThrowsMessage<ShapeError>(HasSubstr("4 equal parts")));
  check_both_gradients([](const Variable& v) { return F::split_axis(v, 3, 1)[1]; }, x);
}

TEST(CastTest, ConvertsBothWays) {
  Variable x(ones({3}), /*requires_grad=*/true);
  Variable y = F::cast(x, Dtype::kFloat64);
  EXPECT_EQ(y.dtype(), Dtype::kFloat64);
  y.set_grad(full({3}, 2, Dtype::kFloat64));
  y.backward();
  EXPECT_EQ(x.grad().dtype(), Dtype::kFloat32);
  EXPECT_THAT(to_vector<float>(x.grad()), Each(2.0f));
}

TEST(CastTest, HasBothGradientsInTheDtypesOfTheirInputs) {
  const Variable x(ones({3}), /*requires_grad=*/true), w(array<double>({0.5, -2, 3}), /*requires_grad=*/true);
  const Variable loss = F::sum(F::cast(x, Dtype::kFloat64) * w);
  const Variable gx = grad({loss}, {x}, {}, {.enable_double_backprop = true})[0];
  EXPECT_EQ(gx.dtype(), Dtype::kFloat32);
  EXPECT_THAT(to_vector<double>(gx.array()), ElementsAre(0.5, -2, 3));
  const Variable gw = grad({gx}, {w}, {Variable(array<float>({4, 5, -6}))})[0];
  EXPECT_EQ(gw.dtype(), Dtype::kFloat64);
  EXPECT_THAT(to_vector<double>(gw.array()), ElementsAre(4, 5, -6));
}

}  // namespace
}  // namespace rensa
