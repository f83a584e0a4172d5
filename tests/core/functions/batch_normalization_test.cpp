#include "core/functions/batch_normalization.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <tuple>
#include <vector>

#include "core/autograd/config.h"
#include "core/autograd/gradient_check.h"
#include "core/error.h"
#include "core/functions/activation.h"
#include "core/functions/arithmetic.h"
#include "core/functions/reduction.h"
#include "tests/support/golden_file.h"

namespace rensa {
namespace {

namespace F = functions;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(BatchNormalizationTest, EqualsPyTorch) {
  const nlohmann::json file = rensa::testing::golden_file("batch_normalization");
  for (const auto& entry : file.at("cases")) {
    for (const Dtype dtype : {Dtype::kFloat64, Dtype::kFloat32}) {
      SCOPED_TRACE(entry.at("name").get<std::string>());
      const double tolerance = dtype == Dtype::kFloat64 ? 1e-12 : 2e-5;
      const auto& inputs = entry.at("inputs");
      const auto leaf = [&](const char* key) {
        return Variable(rensa::testing::golden_array(inputs.at(key), dtype), true);
      };
      Variable x = leaf("x"), gamma = leaf("gamma"), beta = leaf("beta");
      Array mean = rensa::testing::golden_array(inputs.at("mean"), dtype);
      Array var = rensa::testing::golden_array(inputs.at("var"), dtype);
      const auto& o = entry.at("options");
      const F::BatchNormalizationOptions options{.eps = o.at("eps"), .decay = o.at("decay")};
      const bool train = o.at("train");
      Variable y = train ? F::batch_normalization(x, gamma, beta, &mean, &var, options)
                         : F::fixed_batch_normalization(x, gamma, beta, mean, var, options);
      EXPECT_TRUE(rensa::testing::near(y.array(), rensa::testing::golden_array(entry.at("output")), tolerance));
      if (train) {
        EXPECT_TRUE(rensa::testing::near(mean, rensa::testing::golden_array(entry.at("running_mean")), tolerance));
        EXPECT_TRUE(rensa::testing::near(var, rensa::testing::golden_array(entry.at("running_var")), tolerance));
      }
      y.set_grad(rensa::testing::golden_array(entry.at("gy"), dtype));
      y.backward();
      for (const auto& [key, v] : {std::pair("x", x), std::pair("gamma", gamma), std::pair("beta", beta)}) {
        const Array expected = rensa::testing::golden_array(entry.at("gradients").at(key));
        EXPECT_TRUE(rensa::testing::near(v.grad(), expected, 10 * tolerance)) << key;
      }
    }
  }
}

/// (relu, residual, rows instead of pictures)
class FusedBatchNormalizationTest : public ::testing::TestWithParam<std::tuple<bool, bool, bool>> {};

TEST_P(FusedBatchNormalizationTest, GradientsMatchCentralDifferences) {
  const auto [relu, residual, rows] = GetParam();
  const Shape shape = rows ? Shape{6, 3} : Shape{2, 3, 3, 2};
  const F::BatchNormalizationOptions options{.eps = 1e-3, .relu = relu};
  std::vector<Array> inputs = {random_array(shape, 1), random_array({3}, 2), random_array({3}, 3)};
  if (residual) inputs.push_back(random_array(shape, 4));
  const auto train = [&](const Variables& v) {
    return Variables{F::batch_normalization(v[0], v[1], v[2], nullptr, nullptr, options, residual ? &v[3] : nullptr)};
  };
  check_gradient(train, inputs, {.eps = 1e-5});
  check_double_gradient(train, inputs, {.eps = 1e-5, .atol = 1e-5, .rtol = 1e-4});
  const Array mean = random_array({3}, 5), var = ones({3}, Dtype::kFloat64);
  const auto fixed = [&](const Variables& v) {
    return Variables{F::fixed_batch_normalization(v[0], v[1], v[2], mean, var, options, residual ? &v[3] : nullptr)};
  };
  check_gradient(fixed, inputs, {.eps = 1e-5});
  check_double_gradient(fixed, inputs, {.eps = 1e-5});
}

TEST_P(FusedBatchNormalizationTest, EqualsTheSeparateFunctions) {
  const auto [relu, residual, rows] = GetParam();
  const Shape shape = rows ? Shape{300, 5} : Shape{4, 5, 9, 7};
  const auto run = [&, relu = relu, residual = residual](bool fused) {
    Variable x(random_array(shape, 1, Dtype::kFloat32), true), z(random_array(shape, 2, Dtype::kFloat32), true);
    Variable gamma(random_array({5}, 3, Dtype::kFloat32), true), beta(random_array({5}, 4, Dtype::kFloat32), true);
    Variable y = F::batch_normalization(x, gamma, beta, nullptr, nullptr, {.relu = fused && relu},
                                        fused && residual ? &z : nullptr);
    if (!fused && residual) y = y + z;
    if (!fused && relu) y = F::relu(y);
    F::sum(y * Variable(random_array(shape, 5, Dtype::kFloat32))).backward();
    std::vector<Array> result = {y.array(), x.grad(), gamma.grad(), beta.grad()};
    if (residual) result.push_back(z.grad());
    return result;
  };
  const std::vector<Array> fused = run(true), separate = run(false);
  for (std::size_t i = 0; i < fused.size(); ++i) {
    EXPECT_TRUE(rensa::testing::near(fused[i], separate[i].to(Dtype::kFloat64), 1e-4)) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Forms, FusedBatchNormalizationTest,
                         ::testing::Combine(::testing::Bool(), ::testing::Bool(), ::testing::Bool()));

/// Vectors end in the middle of a row; (dtype, channels, relu, residual).
class BatchNormalizationWidthTest : public ::testing::TestWithParam<std::tuple<Dtype, int, bool, bool>> {};

TEST_P(BatchNormalizationWidthTest, AgreesWithFloat64) {
  const auto [dtype, channels, relu, residual] = GetParam();
  const Shape shape{3, channels, 5, 7}, per_channel{channels};
  const auto rounded = [dtype = dtype](const Shape& s, unsigned seed) { return random_array(s, seed).to(dtype); };
  const Array x = rounded(shape, 1), z = rounded(shape, 2), gy = rounded(shape, 3);
  const auto run = [&, relu = relu, residual = residual](Dtype computed) {
    const Dtype parameters = is_half(computed) ? Dtype::kFloat32 : computed;
    Variable x_leaf(x.to(computed), true), added(z.to(computed), true);
    Variable gamma(random_array(per_channel, 4, Dtype::kFloat32).to(parameters), true);
    Variable beta(random_array(per_channel, 5, Dtype::kFloat32).to(parameters), true);
    Variable y =
        F::batch_normalization(x_leaf, gamma, beta, nullptr, nullptr, {.relu = relu}, residual ? &added : nullptr);
    y.set_grad(gy.to(computed));
    y.backward();
    std::vector<Array> result = {y.array(), x_leaf.grad(), gamma.grad(), beta.grad()};
    if (residual) result.push_back(added.grad());
    return result;
  };
  const std::vector<Array> found = run(dtype), exact = run(Dtype::kFloat64);
  const double tolerance = dtype == Dtype::kFloat32 ? 1e-4 : dtype == Dtype::kFloat16 ? 1e-2 : 6e-2;
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_TRUE(rensa::testing::near(found[i].to(Dtype::kFloat64), exact[i], tolerance)) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Widths, BatchNormalizationWidthTest,
                         ::testing::Combine(::testing::Values(Dtype::kFloat32, Dtype::kFloat16, Dtype::kBFloat16),
                                            ::testing::Values(1, 3, 4, 7, 16, 21, 70), ::testing::Bool(),
                                            ::testing::Bool()));

TEST(BatchNormalizationTest, NotANumberPassesRelu) {
  for (const Dtype dtype : {Dtype::kFloat32, Dtype::kFloat64, Dtype::kFloat16, Dtype::kBFloat16}) {
    const Array x = random_array({4, 37}, 1).to(dtype);
    for (const std::int64_t channel : {3, 33, 36}) {
      x.select(0, 1).slice(0, {.start = channel, .stop = channel + 1}).fill(std::numeric_limits<double>::quiet_NaN());
    }
    const Dtype own = is_half(dtype) ? Dtype::kFloat32 : dtype;
    const Array one = ones({37}, own), none = zeros({37}, own);
    const Array y = F::batch_normalization(x, one, none, nullptr, nullptr, {.relu = true}).array();
    const auto found = to_vector<double>(y);
    for (std::size_t i = 0; i < found.size(); ++i) {
      const std::size_t channel = i % 37;
      EXPECT_EQ(std::isnan(found[i]), channel == 3 || channel == 33 || channel == 36) << dtype << " " << i;
    }
  }
}

/// set_grad() takes any dtype.
TEST(BatchNormalizationTest, AGradientOfAnotherDtypeIsTaken) {
  const auto gradient_of = [](Dtype gy) {
    Variable x(random_array({8, 64, 16, 16}, 1).to(Dtype::kBFloat16), true);
    Variable y = F::batch_normalization(x, ones({64}), zeros({64}), nullptr, nullptr, {.relu = true});
    y.set_grad(random_array(x.shape(), 2).to(Dtype::kBFloat16).to(gy));
    y.backward();
    return to_vector<float>(x.grad());
  };
  EXPECT_EQ(gradient_of(Dtype::kFloat32), gradient_of(Dtype::kBFloat16));
}

/// Large results are stored past the caches, by whole vectors and at their borders.
TEST(BatchNormalizationTest, LargeBatchesAreTheSmallOnesSideBySide) {
  const Shape part{4, 32, 128, 96};
  const Array one = random_array(part, 1, Dtype::kFloat32), added = random_array(part, 2, Dtype::kFloat32);
  const auto run = [&](std::int64_t times) {
    const Shape shape{times * part[0], part[1], part[2], part[3]};
    const auto repeated = [&](const Array& a) {
      const Array all = empty(shape);
      for (std::int64_t i = 0; i < times; ++i) all.slice(0, {.start = 4 * i, .stop = 4 * i + 4}).copy_from(a);
      return all;
    };
    Variable x(repeated(one), true), z(repeated(added), true);
    Variable y = F::batch_normalization(x, ones({32}), zeros({32}), nullptr, nullptr, {.relu = true}, &z);
    y.set_grad(repeated(added));
    y.backward();
    const auto last = [&](const Array& a) {
      return a.slice(0, {.start = shape[0] - 4}).to(Dtype::kFloat64).contiguous();
    };
    return std::vector<Array>{last(y.array()), last(x.grad()), last(z.grad())};
  };
  const std::vector<Array> small = run(1), large = run(4);
  for (std::size_t i = 0; i < small.size(); ++i) EXPECT_TRUE(rensa::testing::near(large[i], small[i], 1e-4)) << i;
}

TEST(BatchNormalizationTest, InferenceIsTheFixedFormula) {
  const Array x = random_array({2, 3, 4, 4}, 1), mean = random_array({3}, 2), var = full({3}, 2, Dtype::kFloat64);
  const Array gamma = random_array({3}, 3), beta = random_array({3}, 4);
  const Array with_graph = F::fixed_batch_normalization(x, gamma, beta, mean, var, {.relu = true}).array();
  const NoBackpropMode scope;
  const Array without = F::fixed_batch_normalization(x, gamma, beta, mean, var, {.relu = true}).array();
  EXPECT_TRUE(rensa::testing::near(without, with_graph, 1e-13));
}

TEST(BatchNormalizationTest, SurvivesALargeMean) {
  const Array x = (Variable(random_array({64, 2, 8, 8}, 1)) + 1e4).array().to(Dtype::kFloat32);
  const Variable one = ones({2}), none = zeros({2});
  Array mean = zeros({2}), var = zeros({2});
  F::batch_normalization(x, one, none, &mean, &var, {.decay = 0});
  for (const float v : to_vector<float>(var)) EXPECT_NEAR(v, 1, 0.05);
}

TEST(BatchNormalizationTest, RefusesStatisticsOfAnotherShape) {
  const Variable x = zeros({4, 2, 3}), gamma = ones({2, 3}), beta = zeros({2, 3}), one = ones({2}), none = zeros({2});
  Array good = ones({2, 3}), turned = ones({3, 2}), short_one = ones({1});
  const auto names = HasSubstr("(3, 2)");
  EXPECT_THAT([&] { F::batch_normalization(x, gamma, beta, &turned, nullptr); }, ThrowsMessage<ShapeError>(names));
  EXPECT_THAT([&] { F::batch_normalization(x, gamma, beta, &good, &turned, {.axis = {0}}); },
              ThrowsMessage<ShapeError>(names));
  EXPECT_THAT([&] { F::fixed_batch_normalization(x, gamma, beta, turned, good, {.axis = {0}}); },
              ThrowsMessage<ShapeError>(names));
  EXPECT_THAT([&] { F::fixed_batch_normalization(x, gamma, beta, good, turned, {.axis = {0}}); },
              ThrowsMessage<ShapeError>(names));
  EXPECT_THROW(F::batch_normalization(zeros({4, 2}), one, none, &short_one), ShapeError);
}

TEST(BatchNormalizationTest, NamesWhatDoesNotFit) {
  const Variable one = ones({2}), none = zeros({2});
  EXPECT_THAT([&] { F::batch_normalization(zeros({4, 3}), one, none); },
              ThrowsMessage<ShapeError>(AllOf(HasSubstr("(4, 3)"), HasSubstr("(2,)"))));
  EXPECT_THAT([&] { F::batch_normalization(zeros({1, 2}), one, none); },
              ThrowsMessage<ValueError>(HasSubstr("at least 2")));
  EXPECT_THROW(F::batch_normalization(zeros({4}), one, none), ShapeError);
  EXPECT_THROW(F::batch_normalization(zeros({4, 2}, Dtype::kFloat64), one, none), DtypeError);
}

}  // namespace
}  // namespace rensa
