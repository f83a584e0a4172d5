#include <gmock/gmock.h>

#include <cmath>
#include <numbers>

#include "core/autograd/gradient_check.h"
#include "core/error.h"
#include "core/functions/activation.h"
#include "core/functions/arithmetic.h"
#include "core/functions/math.h"
#include "core/functions/special.h"
#include "core/functions/trigonometry.h"
#include "tests/core/functions/function_case.h"
#include "tests/support/golden_file.h"

namespace rensa::testing {
namespace {

namespace F = functions;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

using Unary = Variable (*)(const Variable&);
using Binary = Variable (*)(const Variable&, const Variable&);

FunctionCase unary(const char* name, Unary f, double low = -2, double high = 2) {
  return {.name = name, .f = of([f](const Variable& x) { return f(x); }), .inputs = {{"*", low, high}}};
}

FunctionCase binary(const char* name, Binary f, double low = -2, double high = 2) {
  FunctionCase c{.name = name, .f = of([f](const Variable& a, const Variable& b) { return f(a, b); })};
  c.inputs = {{"abc", low, high}, {"b1", low, high}};
  c.may_be_empty = "abc";
  c.refusals = {{"do not broadcast", [f] { f(zeros({2, 3}), zeros({2, 4})); }}};
  return c;
}

void expect_known_zetas() {
  const Array q = array<double>({1, 1, 1, 0.25}), s = array<double>({2, 4, 3, 2});
  const double pi = std::acos(-1.0), catalan = 0.915965594177219015054603514932;
  const Array expected =
      array<double>({pi * pi / 6, std::pow(pi, 4) / 90, 1.202056903159594285399738161511, pi * pi + 8 * catalan});
  EXPECT_TRUE(near(F::zeta(s, q).array(), expected, 1e-14));
}

std::vector<FunctionCase> with_numbers() {
  return {
      {.name = "leaky_relu", .f = of([](const Variable& x) { return F::leaky_relu(x); })},
      {.name = "elu", .f = of([](const Variable& x) { return F::elu(x, 0.7); })},
      {.name = "softplus",
       .f = of([](const Variable& x) { return F::softplus(x, 2); }),
       .refusals = {{"softplus: beta is 0", [] { F::softplus(zeros({2}), 0); }}}},
      {.name = "clipped_relu",
       .f = of([](const Variable& x) { return F::clipped_relu(x, 2.5); }),
       .inputs = {{"*", -4, 4}},
       .refusals = {{"clipped_relu: z is -1", [] { F::clipped_relu(zeros({2}), -1); }}}},
      {.name = "relu6", .f = of([](const Variable& x) { return F::relu6(x * 3); }), .inputs = {{"*", -4, 4}}},
      {.name = "selu", .f = of([](const Variable& x) { return F::selu(x); })},
      {.name = "gelu", .f = of([](const Variable& x) { return F::gelu(x); })},
      {.name = "gelu__tanh", .f = of([](const Variable& x) { return F::gelu(x, F::GeluForm::kTanh); })},
      {.name = "clip",
       .f = of([](const Variable& x) { return F::clip(x, -0.5, 0.8); }),
       .refusals = {{"low <= high", [] { F::clip(zeros({2}), 1, -1); }}}},
      {.name = "digamma",
       .f = of([](const Variable& x) { return F::digamma(x); }),
       .inputs = {{"*", 0.3, 4}},
       .tolerance = 1e-10},  // of PyTorch's trigamma
      {.name = "polygamma",
       .f = of([](const Variable& x) { return F::polygamma(2, x); }),
       .inputs = {{"*", 0.5, 4}},
       .refusals = {{"order is -1", [] { F::polygamma(-1, zeros({2})); }}}},
      {.name = "zeta",
       .f = of([](const Variable& q) { return F::zeta(full({3}, 2.5, q.dtype(), q.device()), q); }),
       .inputs = {{"a3", 0.5, 4}},
       .values = expect_known_zetas,
       .refusals = {{"zeta: has no gradient with respect to x",
                     [] {
                       const Variable x(full({2}, 2.0), /*requires_grad=*/true);
                       grad({F::zeta(x, ones({2}))}, {x}, {Variable(ones({2}))});
                     }}}},
  };
}

std::vector<FunctionCase> elementwise_cases() {
  std::vector<FunctionCase> cases = {unary("relu", F::relu),
                                     unary("sigmoid", F::sigmoid),
                                     unary("tanh", F::tanh),
                                     unary("hard_sigmoid", F::hard_sigmoid, -4, 4),
                                     unary("silu", F::silu),
                                     unary("mish", F::mish),
                                     unary("exp", F::exp),
                                     unary("expm1", F::expm1),
                                     unary("log", F::log, 0.2, 3),
                                     unary("log1p", F::log1p, -0.8, 3),
                                     unary("log2", F::log2, 0.2, 3),
                                     unary("log10", F::log10, 0.2, 3),
                                     unary("sqrt", F::sqrt, 0.2, 3),
                                     unary("rsqrt", F::rsqrt, 0.2, 3),
                                     unary("square", F::square),
                                     unary("abs", F::abs),
                                     unary("absolute", F::absolute),
                                     unary("floor", F::floor),
                                     unary("ceil", F::ceil),
                                     unary("fix", F::fix),
                                     unary("sign", F::sign),
                                     unary("sin", F::sin),
                                     unary("cos", F::cos),
                                     unary("tan", F::tan, -1, 1),
                                     unary("arcsin", F::arcsin, -0.9, 0.9),
                                     unary("arccos", F::arccos, -0.9, 0.9),
                                     unary("arctan", F::arctan),
                                     unary("sinh", F::sinh),
                                     unary("cosh", F::cosh),
                                     unary("arcsinh", F::arcsinh),
                                     unary("arccosh", F::arccosh, 1.2, 4),
                                     unary("arctanh", F::arctanh, -0.9, 0.9),
                                     unary("erf", F::erf),
                                     unary("erfc", F::erfc),
                                     unary("erfcx", F::erfcx, -1, 6),
                                     unary("erfinv", F::erfinv, -0.9, 0.9),
                                     unary("erfcinv", F::erfcinv, 0.1, 1.9),
                                     unary("ndtr", F::ndtr),
                                     unary("ndtri", F::ndtri, 0.05, 0.95),
                                     unary("log_ndtr", F::log_ndtr, -5, 3),
                                     unary("lgamma", F::lgamma, 0.3, 4),
                                     binary("arctan2", F::arctan2, 0.3, 2),
                                     binary("fmod", F::fmod, 0.7, 2),
                                     binary("add", F::add),
                                     binary("sub", F::sub),
                                     binary("mul", F::mul),
                                     binary("div", F::div, 0.5, 2),
                                     binary("pow", F::pow, 0.5, 2),
                                     binary("maximum", F::maximum),
                                     binary("minimum", F::minimum)};
  for (FunctionCase& c : with_numbers()) cases.push_back(std::move(c));
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Elementwise, FunctionCaseTest, ::testing::ValuesIn(elementwise_cases()), case_name);

TEST(ElementwiseTest, NotANumberIsNotHidden) {
  const Variable x = array<double>({NAN});
  for (const Unary f : {F::hard_sigmoid, F::silu, F::mish, F::sign, F::floor, F::relu6}) {
    EXPECT_TRUE(std::isnan(f(x).item<double>()));
  }
}

TEST(ElementwiseTest, CanBeDifferentiatedThreeTimesAndSaysSo) {
  const Variable x(full({}, 0.3, Dtype::kFloat64), /*requires_grad=*/true);
  Variable y = F::sin(x);
  const GradOptions again = {.enable_double_backprop = true};
  for (int i = 0; i < 3; ++i) y = grad({y}, {x}, {}, again)[0];
  EXPECT_NEAR(y.item<double>(), -std::cos(0.3), 1e-15);
  EXPECT_THAT([&] { grad({y}, {x}, {}, again); }, ThrowsMessage<GraphError>(HasSubstr("3 times")));
}

TEST(ZetaTest, EndsFarBelowZero) {
  const auto trigamma = [](double x) { return F::polygamma(1, Variable(full({}, x, Dtype::kFloat64))).item<double>(); };
  EXPECT_TRUE(std::isnan(trigamma(-INFINITY)));
  EXPECT_EQ(trigamma(-20), INFINITY);
  EXPECT_EQ(trigamma(-1e300), INFINITY);
  EXPECT_NEAR(trigamma(-1e7 + 0.5), std::numbers::pi * std::numbers::pi - 1e-7, 1e-12);
  for (const double s : {2.0, 3.0}) {
    const auto zeta = [&](double q) {
      return F::zeta(Variable(full({}, s, Dtype::kFloat64)), Variable(full({}, q, Dtype::kFloat64))).item<double>();
    };
    double sum = zeta(9.75);
    for (double q = -20.25; q < 9; ++q) sum += std::pow(q, -s);
    EXPECT_NEAR(zeta(-20.25), sum, 1e-12 * std::abs(sum)) << s;
  }
}

}  // namespace
}  // namespace rensa::testing
