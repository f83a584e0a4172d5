#include "core/functions/activation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "core/autograd/gradient_check.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/math.h"
#include "core/functions/softmax.h"
#include "tests/support/golden_file.h"

namespace rensa {
namespace {

namespace F = functions;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using Unary = std::function<Variable(const Variable&)>;

Unary function_named(const std::string& name, const nlohmann::json& options) {
  if (name == "relu") return F::relu;
  if (name == "leaky_relu") return [=](const Variable& x) { return F::leaky_relu(x, options.at("slope")); };
  if (name == "elu") return [=](const Variable& x) { return F::elu(x, options.at("alpha")); };
  if (name == "sigmoid") return F::sigmoid;
  if (name == "tanh") return F::tanh;
  if (name == "softplus") return [=](const Variable& x) { return F::softplus(x, options.at("beta")); };
  if (name == "softmax") return [=](const Variable& x) { return F::softmax(x, options.at("axis")); };
  if (name == "log_softmax") return [=](const Variable& x) { return F::log_softmax(x, options.at("axis")); };
  return nullptr;
}

TEST(ActivationTest, EqualsPyTorch) {
  int compared = 0;
  const nlohmann::json file = rensa::testing::golden_file("activation");
  for (const auto& entry : file.at("cases")) {
    const Unary f = function_named(entry.at("name"), entry.at("options"));
    if (!f) continue;  // functions of later releases
    SCOPED_TRACE(entry.at("name").get<std::string>());
    Variable x(rensa::testing::golden_array(entry.at("inputs").at("x")), /*requires_grad=*/true);
    Variable y = f(x);
    EXPECT_TRUE(rensa::testing::near(y.array(), rensa::testing::golden_array(entry.at("output")), 1e-14));
    y.set_grad(rensa::testing::golden_array(entry.at("gy")));
    y.backward();
    EXPECT_TRUE(rensa::testing::near(x.grad(), rensa::testing::golden_array(entry.at("gradients").at("x")), 1e-13));
    ++compared;
  }
  EXPECT_GE(compared, 12);
}

TEST(ActivationTest, GradientsMatchCentralDifferences) {
  const Array x = random_array({3, 4}, 1);
  for (const Unary& f : {Unary(F::relu), Unary([](const Variable& v) { return F::leaky_relu(v); }), Unary(F::sigmoid),
                         Unary(F::tanh), Unary([](const Variable& v) { return F::elu(v, 0.7); }),
                         Unary([](const Variable& v) { return F::softplus(v, 2); }),
                         Unary([](const Variable& v) { return F::softmax(v); }),
                         Unary([](const Variable& v) { return F::softmax(v, 0); }),
                         Unary([](const Variable& v) { return F::log_softmax(v); }), Unary(F::exp), Unary(F::abs),
                         Unary([](const Variable& v) { return F::log(F::square(v) + 1); }),
                         Unary([](const Variable& v) { return F::sqrt(F::square(v) + 1); }),
                         Unary([](const Variable& v) { return F::clip(v, -0.5, 0.8); })}) {
    check_gradient(f, x);
    check_double_gradient(f, x);
  }
}

TEST(ActivationTest, FourDimensionalSoftmaxWorksAlongAnyAxis) {
  const Array x = random_array({2, 3, 2, 2}, 2).channels_last();
  for (int axis = 0; axis < 4; ++axis) {
    const auto f = [axis](const Variable& v) { return F::softmax(v, axis); };
    check_gradient(f, x);
    check_double_gradient(f, x);
  }
}

TEST(ActivationTest, NotANumberIsNotHidden) {
  const Variable x = array<float>({NAN, -1, 2});
  EXPECT_TRUE(std::isnan(to_vector<float>(F::relu(x).array())[0]));
}

TEST(ActivationTest, RefusesWholeNumbersAndBadOptions) {
  EXPECT_THAT([] { F::relu(arange(3)); }, ThrowsMessage<DtypeError>(HasSubstr("relu")));
  EXPECT_THAT([] { F::softplus(zeros({2}), 0); }, ThrowsMessage<ValueError>(HasSubstr("above 0")));
  EXPECT_THAT([] { F::clip(zeros({2}), 1, -1); }, ThrowsMessage<ValueError>(HasSubstr("low <= high")));
  EXPECT_THROW(F::softmax(zeros({2}), 1), IndexError);
}

TEST(ExtremesTest, GradientsFollowTheChosenOperand) {
  EXPECT_THAT(to_vector<float>(F::maximum(array<float>({1, 5}), array<float>({3, 2})).array()), ElementsAre(3, 5));
  EXPECT_THAT(to_vector<float>(F::minimum(array<float>({1, 5}), array<float>({3, 2})).array()), ElementsAre(1, 2));
  for (const auto f : {F::maximum, F::minimum}) {
    const auto g = [f](const Variables& xs) { return Variables{f(xs[0], xs[1])}; };
    check_gradient(g, {random_array({2, 3}, 3), random_array({3}, 4)});
    check_double_gradient(g, {random_array({2, 3}, 3), random_array({3}, 4)});
  }
}

}  // namespace
}  // namespace rensa
