#include "core/functions/linear.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/autograd/gradient_check.h"
#include "core/error.h"
#include "core/functions/matmul.h"
#include "core/functions/reduction.h"
#include "core/links/linear.h"
#include "tests/support/golden_file.h"

namespace rensa {
namespace {

namespace F = functions;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(MatMulTest, MultipliesAndTransposes) {
  const Array a = array<float>({1, 2, 3, 4, 5, 6}, {2, 3}), b = array<float>({1, 0, 2, 1, 0, 3}, {3, 2});
  EXPECT_THAT(to_vector<float>(F::matmul(a, b).array()), ElementsAre(5, 11, 14, 23));
  EXPECT_THAT(to_vector<float>(F::matmul(b, a, true, true).array()), ElementsAre(5, 14, 11, 23));
}

TEST(MatMulTest, GradientsMatchCentralDifferencesForEveryForm) {
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      const auto f = [=](const Variables& v) { return Variables{F::matmul(v[0], v[1], ta, tb)}; };
      const std::vector<Array> inputs = {random_array(ta ? Shape{3, 2} : Shape{2, 3}, 1),
                                         random_array(tb ? Shape{4, 3} : Shape{3, 4}, 2)};
      check_gradient(f, inputs);
      check_double_gradient(f, inputs);
    }
  }
}

TEST(MatMulTest, TakesAnyStrides) {
  const Array wide = random_array({6, 10}, 3);
  const Array a = wide.slice(0, {.step = 2}).slice(1, {.step = 3}),
              b = random_array({4, 2, 3}, 4).transpose().select(1, 1);
  const Array expected = F::matmul(a.copy(), b.copy(), false, true).array();
  EXPECT_TRUE(rensa::testing::near(F::matmul(a, b, false, true).array(), expected, 1e-14));
  EXPECT_EQ(F::matmul(zeros({2, 0}), zeros({0, 3})).shape(), Shape({2, 3}));
  EXPECT_EQ(F::sum(F::matmul(zeros({2, 0}), zeros({0, 3}))).item<float>(), 0);
}

TEST(MatMulTest, GradientOfOneLeafOnBothSidesIsTheSum) {
  Parameter W({2, 2}, init::normal(1), Dtype::kFloat64);
  Array place = zeros({2, 2}, Dtype::kFloat64);
  Variable free(W.array().copy(), /*requires_grad=*/true);
  W.set_grad_destination(place);
  F::sum(F::matmul(W, W)).backward();
  F::sum(F::matmul(free, free)).backward();
  EXPECT_EQ(to_vector<double>(W.grad()), to_vector<double>(free.grad()));
}

TEST(MatMulTest, NamesShapesThatDoNotFit) {
  EXPECT_THAT([] { F::matmul(zeros({2, 3}), zeros({2, 3})); }, ThrowsMessage<ShapeError>(HasSubstr("(2, 3)")));
  EXPECT_THROW(F::matmul(zeros({2, 3}), zeros({2})), ShapeError);
}

TEST(MatMulTest, PromotesItsOperands) {
  EXPECT_EQ(F::matmul(zeros({2, 3}), zeros({3, 2}, Dtype::kFloat64)).dtype(), Dtype::kFloat64);
}

TEST(LinearTest, EqualsPyTorch) {
  const nlohmann::json file = rensa::testing::golden_file("linear");
  for (const auto& entry : file.at("cases")) {
    SCOPED_TRACE(entry.at("name").get<std::string>());
    const auto& inputs = entry.at("inputs");
    const auto leaf = [&](const char* key) { return Variable(rensa::testing::golden_array(inputs.at(key)), true); };
    Variable x = leaf("x"), W = leaf("W"), b = inputs.contains("b") ? leaf("b") : Variable();
    Variable y = F::linear(x, W, b ? &b : nullptr);
    EXPECT_TRUE(rensa::testing::near(y.array(), rensa::testing::golden_array(entry.at("output")), 1e-14));
    y.set_grad(rensa::testing::golden_array(entry.at("gy")));
    y.backward();
    const auto expect_gradient = [&](const char* key, const Variable& v) {
      EXPECT_TRUE(rensa::testing::near(v.grad(), rensa::testing::golden_array(entry.at("gradients").at(key)), 1e-14));
    };
    expect_gradient("x", x);
    expect_gradient("W", W);
    if (b) expect_gradient("b", b);
  }
}

TEST(LinearTest, GradientsMatchCentralDifferences) {
  const auto f = [](const Variables& v) { return Variables{F::linear(v[0], v[1], &v[2])}; };
  const std::vector<Array> inputs = {random_array({4, 2, 3}, 5), random_array({5, 6}, 6), random_array({5}, 7)};
  check_gradient(f, inputs);
  check_double_gradient(f, inputs);
}

TEST(LinearTest, WritesTheWeightGradientWhereItStays) {
  Linear linear({.in = 3, .out = 2});
  const Array place = zeros({2, 3});
  linear.W.set_grad_destination(place);
  F::sum(linear(random_array({4, 3}, 8, Dtype::kFloat32))).backward();
  EXPECT_EQ(linear.W.grad().raw_data(), place.raw_data());
}

TEST(LinearTest, NamesBothShapesWhenFeaturesDiffer) {
  Linear linear({.in = 4, .out = 2});
  EXPECT_THAT([&] { linear(zeros({3, 5})); },
              ThrowsMessage<ShapeError>(AllOf(HasSubstr("(3, 5)"), HasSubstr("(2, 4)"))));
  EXPECT_THROW(linear(zeros({3, 4}, Dtype::kFloat64)), DtypeError);
  EXPECT_THROW(Linear({.in = 0, .out = 2}), ValueError);
}

}  // namespace
}  // namespace rensa
