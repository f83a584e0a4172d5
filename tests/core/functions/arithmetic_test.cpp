#include "core/functions/arithmetic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/autograd/gradient_check.h"
#include "core/error.h"
#include "core/functions/reduction.h"

namespace rensa {
namespace {

namespace F = functions;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

using Binary = Variable (*)(const Variable&, const Variable&);

Array positive(const Shape& shape, std::uint64_t seed) {
  const Array x = random_array(shape, seed);
  std::vector<double> values = to_vector<double>(x);
  for (double& value : values) value = 0.5 + value * value;
  return array(values, shape);
}

void check_both_gradients(Binary f, const std::vector<Array>& operands) {
  const auto g = [f](const Variables& xs) { return Variables{f(xs[0], xs[1])}; };
  check_gradient(g, operands);
  check_double_gradient(g, operands);
}

TEST(ArithmeticTest, ComputesElementByElement) {
  const Variable a = array<float>({6, 8}), b = array<float>({2, 4});
  EXPECT_THAT(to_vector<float>((a + b).array()), ElementsAre(8, 12));
  EXPECT_THAT(to_vector<float>((a - b).array()), ElementsAre(4, 4));
  EXPECT_THAT(to_vector<float>((a * b).array()), ElementsAre(12, 32));
  EXPECT_THAT(to_vector<float>((a / b).array()), ElementsAre(3, 2));
  EXPECT_THAT(to_vector<float>(F::pow(a, b).array()), ElementsAre(36, 4096));
  EXPECT_THAT(to_vector<float>((-a).array()), ElementsAre(-6, -8));
}

TEST(ArithmeticTest, TakesNumbersOnEitherSide) {
  const Variable x = array<double>({1, 3});
  EXPECT_THAT(to_vector<double>((x + 2).array()), ElementsAre(3, 5));
  EXPECT_THAT(to_vector<double>((2 - x).array()), ElementsAre(1, -1));
  EXPECT_THAT(to_vector<double>((x - 2).array()), ElementsAre(-1, 1));
  EXPECT_THAT(to_vector<double>((2 * x).array()), ElementsAre(2, 6));
  EXPECT_THAT(to_vector<double>((x / 3).array()), ElementsAre(1.0 / 3, 1));
  EXPECT_THAT(to_vector<double>((6 / x).array()), ElementsAre(6, 2));
  EXPECT_THAT(to_vector<double>(F::pow(x, 3).array()), ElementsAre(1, 27));
}

TEST(ArithmeticTest, BroadcastsAsNumPyDoes) {
  const Variable y = array<float>({10, 20}, {2, 1}) + array<float>({1, 2, 3});
  EXPECT_EQ(y.shape(), Shape({2, 3}));
  EXPECT_THAT(to_vector<float>(y.array()), ElementsAre(11, 12, 13, 21, 22, 23));
}

TEST(ArithmeticTest, KeepsChannelsLast) {
  const Array x = random_array({2, 3, 4, 4}, 1).channels_last();
  EXPECT_TRUE((Variable(x) * x).array().is_channels_last());
  EXPECT_TRUE((Variable(x) + random_array({3, 1, 1}, 2)).array().is_channels_last());
  EXPECT_EQ(to_vector<double>((Variable(x) + x).array()), to_vector<double>((Variable(x.contiguous()) * 2).array()));
  EXPECT_EQ(to_vector<double>((Variable(x) + x.contiguous()).array()), to_vector<double>((Variable(x) * 2).array()));
}

TEST(ArithmeticTest, GradientsMatchCentralDifferences) {
  for (const Binary f : {Binary(F::add), Binary(F::sub), Binary(F::mul), Binary(F::div), Binary(F::pow)}) {
    check_both_gradients(f, {positive({2, 3}, 1), positive({2, 3}, 2)});
    check_both_gradients(f, {positive({3}, 3), positive({2, 1}, 4)});
    check_both_gradients(f, {positive({2, 3}, 5), positive({}, 6)});
  }
}

TEST(ArithmeticTest, GradientsWithNumbersMatchCentralDifferences) {
  const auto f = [](const Variable& x) { return F::pow(2 / x - 3 * x / 5 + (1 - x), 3) + F::pow(x, 0.5); };
  check_gradient(f, positive({2, 3}, 7));
  check_double_gradient(f, positive({2, 3}, 7));
}

TEST(ArithmeticTest, ZerothPowerHasNoGradientAtZero) {
  Variable x(zeros({2}), /*requires_grad=*/true);
  Variable y = F::pow(x, 0);
  y.set_grad(ones({2}));
  y.backward();
  EXPECT_THAT(to_vector<float>(x.grad()), ElementsAre(0, 0));
}

TEST(ArithmeticTest, PowersByAnArrayHaveNumbersForGradientsAtZero) {
  const Variable x(zeros({4}), /*requires_grad=*/true), exponents(array<float>({0, 1, 2, 3}));
  F::sum(F::pow(x, exponents)).backward();
  EXPECT_THAT(to_vector<float>(x.grad()), ElementsAre(0, 1, 0, 0));
}

TEST(ArithmeticTest, ANumberDividedByALargeHalfHasAGradient) {
  const Variable x(full({1}, 300, Dtype::kFloat16), /*requires_grad=*/true);
  F::sum(1000.0 / x).backward();
  EXPECT_NEAR(to_vector<float>(x.grad())[0], -1000.0 / 90000, 1e-4);
}

TEST(ArithmeticTest, NamesBothShapesOrTypesThatDoNotFit) {
  EXPECT_THAT([] { Variable(zeros({2, 3})) + zeros({2}); },
              ThrowsMessage<ShapeError>(AllOf(HasSubstr("add"), HasSubstr("(2, 3)"), HasSubstr("(2,)"))));
  EXPECT_THAT([] { Variable(arange(3)) + Variable(arange(3)); },
              ThrowsMessage<DtypeError>(AllOf(HasSubstr("add"), HasSubstr("int64"))));
}

TEST(ArithmeticTest, PromotesOperandsAndGivesEachItsGradientInItsOwnType) {
  const Variable half(full({2}, 3, Dtype::kBFloat16), true), single(full({2}, 5), true);
  const Variable wide(full({2}, 7, Dtype::kFloat64), true);
  EXPECT_EQ((half + single).dtype(), Dtype::kFloat32);
  EXPECT_EQ((single * wide).dtype(), Dtype::kFloat64);
  EXPECT_EQ((half - Variable(full({2}, 1, Dtype::kFloat16))).dtype(), Dtype::kFloat32);  // neither holds the other
  EXPECT_EQ((half + Variable(arange(2))).dtype(), Dtype::kBFloat16);
  functions::sum(half * single).backward();
  EXPECT_EQ(half.grad().dtype(), Dtype::kBFloat16);
  EXPECT_THAT(to_vector<float>(half.grad()), ElementsAre(5, 5));
  EXPECT_THAT(to_vector<float>(single.grad()), ElementsAre(3, 3));
}

}  // namespace
}  // namespace rensa
