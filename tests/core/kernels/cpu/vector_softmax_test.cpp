#include "core/kernels/cpu/vector_softmax.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace rensa::cpu {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// A line that rises, falls and rises again, so that later chunks have larger numbers and smaller ones.
std::vector<float> wave(std::int64_t n, double height, double phase) {
  std::vector<float> x;
  for (std::int64_t i = 0; i < n; ++i)
    x.push_back(static_cast<float>(height * std::sin(0.37 * static_cast<double>(i) + phase) *
                                   std::cos(0.0011 * static_cast<double>(i))));
  return x;
}

std::vector<double> exact_softmax(const std::vector<float>& x) {
  const double most = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (const float v : x) sum += std::exp(static_cast<double>(v) - most);
  std::vector<double> y;
  for (const float v : x) y.push_back(std::exp(static_cast<double>(v) - most) / sum);
  return y;
}

const std::int64_t kLengths[] = {1, 2, 15, 16, 17, 63, 65, 1000, 1024, 1025, 5000};

TEST(VectorSoftmaxTest, IsRightAtEveryLength) {
  for (const std::int64_t n : kLengths) {
    const auto count = static_cast<std::size_t>(n);
    const std::vector<float> x = wave(n, 9, 0.5), gy = wave(n, 1, 2);
    const std::vector<double> p = exact_softmax(x);
    double dot = 0, sum = 0;
    for (std::size_t i = 0; i < count; ++i) dot += p[i] * static_cast<double>(gy[i]), sum += static_cast<double>(gy[i]);

    std::vector<float> y(count), log_y(count), gx(count), log_gx(count), loss_gx(count);
    vector_softmax(x.data(), y.data(), n);
    vector_log_softmax(x.data(), log_y.data(), n);
    vector_softmax_grad(y.data(), gy.data(), gx.data(), n);
    vector_log_softmax_grad(log_y.data(), gy.data(), log_gx.data(), n);
    const LineSum line = vector_line_sum(x.data(), n);
    vector_cross_entropy_grad(x.data(), static_cast<float>(line.maximum), static_cast<float>(1 / line.sum), 0.125f, 3,
                              loss_gx.data(), n);
    EXPECT_EQ(line.maximum, *std::max_element(x.begin(), x.end()));
    for (std::size_t i = 0; i < count; ++i) {
      SCOPED_TRACE(::testing::Message() << "element " << i << " of " << n);
      const double g = static_cast<double>(gy[i]);
      EXPECT_NEAR(y[i], p[i], 2e-6 * p[i] + 1e-37);
      EXPECT_NEAR(log_y[i], std::log(p[i]), 3e-6);
      EXPECT_NEAR(gx[i], p[i] * (g - dot), 6e-6 * p[i] + 1e-37);
      EXPECT_NEAR(log_gx[i], g - p[i] * sum, 1e-6 + 4e-6 * p[i] * std::abs(sum));
      EXPECT_NEAR(loss_gx[i], 3 * (p[i] - 0.125), 2e-6);
    }
  }
}

TEST(VectorSoftmaxTest, ALineOfWhichAllButOneIsHiddenIsThatOne) {
  for (const std::int64_t n : kLengths) {
    for (const std::int64_t one : {std::int64_t{0}, n / 2, n - 1}) {
      std::vector<float> x(static_cast<std::size_t>(n), -kInfinity), y(x.size());
      x[static_cast<std::size_t>(one)] = -5;
      const LineSum line = vector_line_sum(x.data(), n);
      EXPECT_EQ(line.maximum, -5);
      EXPECT_EQ(line.sum, 1);
      vector_softmax(x.data(), y.data(), n);
      for (std::int64_t i = 0; i < n; ++i) EXPECT_EQ(y[static_cast<std::size_t>(i)], i == one ? 1 : 0) << i;
    }
  }
}

TEST(VectorSoftmaxTest, WhatIsNoNumberStays) {
  for (const std::int64_t n : kLengths) {
    const std::vector<float> hidden(static_cast<std::size_t>(n), -kInfinity);
    EXPECT_TRUE(std::isnan(vector_line_sum(hidden.data(), n).sum));
    for (const std::int64_t place : {std::int64_t{0}, n / 2, n - 1}) {
      std::vector<float> x = wave(n, 1, 0), y(x.size());
      x[static_cast<std::size_t>(place)] = std::numeric_limits<float>::quiet_NaN();
      EXPECT_TRUE(std::isnan(vector_line_sum(x.data(), n).sum)) << place << " of " << n;
      vector_log_softmax(x.data(), y.data(), n);
      EXPECT_TRUE(std::isnan(y[0])) << place << " of " << n;
    }
  }
  std::vector<float> late(2000, -kInfinity);  // the first 1,024 are looked at together
  late[5] = std::numeric_limits<float>::quiet_NaN();
  std::fill(late.begin() + 1024, late.end(), 1.0f);
  EXPECT_TRUE(std::isnan(vector_line_sum(late.data(), 2000).sum));
}

}  // namespace
}  // namespace rensa::cpu
