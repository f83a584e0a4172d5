#include "core/kernels/cpu/vector_math.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

namespace rensa::cpu {
namespace {

struct Function {
  std::string name;
  void (*vectors)(const float*, float*, std::int64_t);
  std::function<double(double)> exact;
  float from, to;
  double most_units;  ///< in the last place
};

double gelu(double x) { return 0.5 * x * std::erfc(-x * M_SQRT1_2); }
double silu(double x) { return x / (1 + std::exp(-x)); }
double cubic(double x) { return std::sqrt(8 / M_PI) * (x + 0.044715 * x * x * x); }
double gelu_tanh(double x) { return x / (1 + std::exp(-cubic(x))); }

std::vector<float> spread(float from, float to, int count) {
  std::vector<float> x;
  for (int i = 0; i <= count; ++i) x.push_back(from + (to - from) * static_cast<float>(i) / static_cast<float>(count));
  return x;
}

double unit_in_last_place(double y) {
  const float at = std::abs(static_cast<float>(y));
  return static_cast<double>(std::nextafter(at, std::numeric_limits<float>::infinity()) - at);
}

class VectorMathTest : public ::testing::TestWithParam<Function> {};

TEST_P(VectorMathTest, IsRightInTheLastPlaces) {
  const Function& f = GetParam();
  const std::vector<float> x = spread(f.from, f.to, 100000);
  std::vector<float> y(x.size());
  f.vectors(x.data(), y.data(), static_cast<std::int64_t>(x.size()));
  double worst = 0, where = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double exact = f.exact(x[i]), units = std::abs(y[i] - exact) / unit_in_last_place(exact);
    if (!(units <= worst)) worst = units, where = x[i];
  }
  EXPECT_LE(worst, f.most_units) << "at " << where;
}

TEST_P(VectorMathTest, GivesAnElementTheSameBitsAnywhere) {
  const std::vector<float> x = spread(GetParam().from, GetParam().to, 36);
  std::vector<float> whole(x.size()), single(x.size());
  GetParam().vectors(x.data(), whole.data(), static_cast<std::int64_t>(x.size()));
  for (std::size_t i = 0; i < x.size(); ++i) GetParam().vectors(&x[i], &single[i], 1);
  EXPECT_EQ(whole, single);
}

TEST_P(VectorMathTest, KeepsNotANumber) {
  const float x = std::numeric_limits<float>::quiet_NaN();
  float y = 0;
  GetParam().vectors(&x, &y, 1);
  EXPECT_TRUE(std::isnan(y));
}

INSTANTIATE_TEST_SUITE_P(
    Functions, VectorMathTest,
    ::testing::Values(Function{"exp", vector_exp, [](double x) { return std::exp(x); }, -87, 88, 4},
                      Function{"log", vector_log, [](double x) { return std::log(x); }, 1e-30f, 100, 4},
                      Function{"tanh", vector_tanh, [](double x) { return std::tanh(x); }, -20, 20, 4},
                      Function{"sigmoid", vector_sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, -80, 80, 4},
                      Function{"gelu", vector_gelu, gelu, -12.5f, 12.5f, 6},
                      Function{"gelu_tanh", vector_gelu_tanh, gelu_tanh, -2.5f, 12, 12},
                      Function{"silu", vector_silu, silu, -80, 80, 4}),
    [](const auto& test) { return test.param.name; });

struct Gradient {
  std::string name;
  void (*vectors)(const float*, const float*, float*, std::int64_t);
  std::function<double(double)> value;
};

class VectorGradientTest : public ::testing::TestWithParam<Gradient> {};

TEST_P(VectorGradientTest, IsTheSlope) {
  const std::vector<float> x = spread(-12, 12, 20000), gy(x.size(), 2.0f);
  std::vector<float> gx(x.size());
  GetParam().vectors(x.data(), gy.data(), gx.data(), static_cast<std::int64_t>(x.size()));
  constexpr double kStep = 1e-5;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double slope = (GetParam().value(x[i] + kStep) - GetParam().value(x[i] - kStep)) / (2 * kStep);
    ASSERT_NEAR(gx[i], 2 * slope, 4e-6) << "at " << x[i];
  }
}

INSTANTIATE_TEST_SUITE_P(Functions, VectorGradientTest,
                         ::testing::Values(Gradient{"gelu", vector_gelu_grad, gelu},
                                           Gradient{"gelu_tanh", vector_gelu_tanh_grad, gelu_tanh},
                                           Gradient{"silu", vector_silu_grad, silu}),
                         [](const auto& test) { return test.param.name; });

TEST(VectorNormalizationTest, GivesARowTheSameBitsBesideOthers) {
  constexpr std::int64_t kRows = 3;
  for (const std::int64_t n : {1, 7, 15, 16, 17, 40}) {
    const std::vector<float> x = spread(-3, 5, static_cast<int>(kRows * n) - 1),
                             gamma = spread(1, 2, static_cast<int>(n)), beta = spread(0, 3, static_cast<int>(n));
    const auto normalized = [&](std::int64_t together) {
      std::vector<float> y(x.size()), gx(x.size());
      std::vector<double> means(kRows), inverses(kRows), ggamma(gamma.size()), gbeta(gamma.size());
      for (std::int64_t r = 0; r < kRows; r += together) {
        const std::int64_t at = r * n;
        vector_normalize_rows(&x[at], gamma.data(), beta.data(), 1e-5, true, together, n, &y[at], &means[r],
                              &inverses[r]);
        vector_normalize_rows_grad(&y[at], &x[at], gamma.data(), &means[r], &inverses[r], true, together, n, &gx[at],
                                   ggamma.data(), gbeta.data());
      }
      return std::tuple(y, gx, means, inverses, ggamma, gbeta);
    };
    EXPECT_EQ(normalized(1), normalized(kRows)) << "n " << n;
  }
}

}  // namespace
}  // namespace rensa::cpu
