#include "core/kernels/cpu/gemm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "core/autograd/gradient_check.h"

namespace rensa::cpu {
namespace {

/// A factor (rows, columns) whose rows, as they lie, have `gap` elements between them.
template <class T>
struct Given {
  std::vector<T> data;
  std::int64_t rows, columns, stride;
  bool transposed;

  Given(std::int64_t r, std::int64_t c, bool turned, std::int64_t gap, std::uint64_t seed)
      : rows(r), columns(c), stride((turned ? r : c) + gap), transposed(turned) {
    const Array values = random_array({(turned ? c : r) * stride}, seed);
    data = to_vector<T>(values);
  }
  Factor<T> factor() const { return {data.data(), stride, transposed}; }
  double at(std::int64_t r, std::int64_t c) const {
    return static_cast<double>(data[static_cast<std::size_t>(transposed ? c * stride + r : r * stride + c)]);
  }
};

/// The largest difference from the sum in float64, in units of the type's rounding of sum |a b|.
template <class T>
double worst(std::int64_t m, std::int64_t n, std::int64_t k, bool turn_a, bool turn_b, std::int64_t gap, T alpha,
             T beta) {
  const Given<T> a(m, k, turn_a, gap, 1), b(k, n, turn_b, gap, 2);
  const std::int64_t c_stride = n + gap;
  const std::vector<T> before = to_vector<T>(random_array({m * c_stride}, 3));
  std::vector<T> c = before;
  if (beta == 0) std::fill(c.begin(), c.end(), std::numeric_limits<T>::quiet_NaN());
  gemm(m, n, k, alpha, a.factor(), b.factor(), beta, c.data(), c_stride);
  double most = 0;
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      const auto place = static_cast<std::size_t>(i * c_stride + j);
      double sum = beta == 0 ? 0 : static_cast<double>(beta * before[place]), size = std::abs(sum);
      for (std::int64_t l = 0; l < k; ++l) {
        sum += static_cast<double>(alpha) * a.at(i, l) * b.at(l, j);
        size += std::abs(static_cast<double>(alpha) * a.at(i, l) * b.at(l, j));
      }
      if (std::isnan(c[place])) return std::numeric_limits<double>::infinity();
      most = std::max(most, std::abs(static_cast<double>(c[place]) - sum) / size);
    }
  }
  return most / static_cast<double>(std::numeric_limits<T>::epsilon());
}

/// Sizes on both sides of what OpenBLAS and oneDNN share between them.
TEST(GemmTest, IsTheProductWhateverTheFactorsFormAndSize) {
  const std::vector<std::array<std::int64_t, 3>> sizes = {{1, 1, 1},     {3, 5, 2},      {64, 64, 64},  {65, 64, 64},
                                                          {70, 90, 80},  {1, 700, 400},  {700, 1, 400}, {5, 1024, 100},
                                                          {1024, 9, 64}, {10, 20, 2048}, {9, 7, 5000}};
  for (const auto& [m, n, k] : sizes) {
    for (const bool turn_a : {false, true}) {
      for (const bool turn_b : {false, true}) {
        for (const std::int64_t gap : {0, 3}) {
          SCOPED_TRACE(::testing::Message() << m << " x " << n << " x " << k << (turn_a ? " T" : " N")
                                            << (turn_b ? "T" : "N") << ", gap " << gap);
          EXPECT_LT(worst<float>(m, n, k, turn_a, turn_b, gap, 1, 0), 8);
          EXPECT_LT(worst<float>(m, n, k, turn_a, turn_b, gap, 0.5f, 1), 8);
          EXPECT_LT(worst<double>(m, n, k, turn_a, turn_b, gap, 1, 0), 8);
          EXPECT_LT(worst<double>(m, n, k, turn_a, turn_b, gap, 0.5, 1), 8);
        }
      }
    }
  }
}

TEST(GemmTest, WritesItsOwnElementsOnly) {
  for (const std::int64_t n : {20, 90}) {
    const std::int64_t m = 70, k = 80, c_stride = n + 5;
    const Given<float> a(m, k, false, 0, 1), b(k, n, false, 0, 2);
    std::vector<float> c(static_cast<std::size_t>(m * c_stride), -7);
    gemm(m, n, k, 1.0f, a.factor(), b.factor(), 0.0f, c.data(), c_stride);
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = n; j < c_stride; ++j) EXPECT_EQ(c[static_cast<std::size_t>(i * c_stride + j)], -7);
    }
  }
}

TEST(GemmTest, OfNothingIsNothing) {
  float c = 3;
  const float x = 1;
  gemm(0, 5, 5, 1.0f, {&x, 5}, {&x, 5}, 0.0f, &c, 5);
  gemm(5, 0, 5, 1.0f, {&x, 5}, {&x, 1}, 0.0f, &c, 1);
  EXPECT_EQ(c, 3);
}

/// As an attention calls it: each thread's products are its own.
TEST(GemmTest, GivesTheSameBitsAmongOtherThreads) {
  const std::int64_t n = 96;
  const Given<float> a(n, n, false, 0, 1), b(n, n, true, 0, 2);
  const auto product = [&] {
    std::vector<float> c(static_cast<std::size_t>(n * n));
    gemm(n, n, n, 1.0f, a.factor(), b.factor(), 0.0f, c.data(), n);
    return c;
  };
  std::vector<std::vector<float>> found(8);
#pragma omp parallel for num_threads(4)
  for (std::size_t i = 0; i < found.size(); ++i) found[i] = product();
  for (const std::vector<float>& c : found) EXPECT_EQ(c, found[0]);
}

}  // namespace
}  // namespace rensa::cpu
