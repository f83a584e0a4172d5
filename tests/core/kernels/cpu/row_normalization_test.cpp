#include "core/kernels/row_normalization.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/autograd/gradient_check.h"
#include "core/kernels/arithmetic.h"
#include "tests/support/golden_file.h"

namespace rensa::kernels {
namespace {

/// {y, mean, inv_std, gx, ggamma, gbeta} of rows whose mean is 3.
std::vector<Array> run(std::int64_t rows, std::int64_t n, bool scaled, bool shifted, bool centre, Dtype dtype) {
  const auto numbers = [&](const Shape& shape, std::uint64_t seed) {
    return random_array(shape, seed, Dtype::kFloat32).to(dtype);  // the same in both types
  };
  const Array x = add(numbers({rows, n}, 1), full({rows, n}, 3, dtype)), gy = numbers({rows, n}, 2);
  const Array gamma = scaled ? numbers({n}, 3) : Array(), beta = shifted ? numbers({n}, 4) : Array();
  const auto [y, mean, inverse] = row_normalization(x, gamma, beta, 1e-5, centre);
  const auto [gx, ggamma, gbeta] = row_normalization_grad(gy, x, gamma, mean, inverse, centre);
  return {y, mean, inverse, gx, ggamma, gbeta};
}

TEST(RowNormalizationKernelTest, Float32IsFloat64OnRowsOfAnyLength) {
  for (const std::int64_t rows : {0, 1, 65}) {  // 64 rows are a part of the sums
    for (const std::int64_t n : {1, 5, 16, 31, 33, 100}) {
      for (int options = 0; options < 8; ++options) {
        const bool scaled = options & 1, shifted = options & 2, centre = options & 4;
        const std::vector<Array> found = run(rows, n, scaled, shifted, centre, Dtype::kFloat32),
                                 expected = run(rows, n, scaled, shifted, centre, Dtype::kFloat64);
        for (std::size_t i = 0; i < found.size(); ++i) {
          EXPECT_TRUE(testing::near(found[i].to(Dtype::kFloat64), expected[i], 2e-5))
              << rows << " rows of " << n << ", options " << options << ", array " << i;
        }
      }
    }
  }
}

TEST(RowNormalizationKernelTest, EqualElementsGiveZeroAndNoGradient) {
  const Array x = full({2, 37}, 1000.1, Dtype::kFloat32), gamma = full({37}, 0.3, Dtype::kFloat32);
  const auto [y, mean, inverse] = row_normalization(x, gamma, Array(), 1e-12, true);
  const auto gx = row_normalization_grad(full({2, 37}, 0.7, Dtype::kFloat32), x, gamma, mean, inverse, true)[0];
  EXPECT_EQ(to_vector<float>(y), std::vector<float>(2 * 37, 0.0f));
  EXPECT_EQ(to_vector<float>(gx), std::vector<float>(2 * 37, 0.0f));
}

}  // namespace
}  // namespace rensa::kernels
