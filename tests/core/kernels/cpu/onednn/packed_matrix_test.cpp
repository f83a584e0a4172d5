#include "core/kernels/cpu/onednn/packed_matrix.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <utility>
#include <vector>

#include "core/autograd/gradient_check.h"
#include "core/kernels/cpu/gemm.h"

namespace rensa::onednn {
namespace {

TEST(PackedMatrixTest, AddsTheProductsOfAnyNumberOfRows) {
  for (const auto& [k, n] : std::vector<std::pair<std::int64_t, std::int64_t>>{{100, 400}, {400, 100}, {33, 7}}) {
    for (const bool turned : {false, true}) {
      const Array lies = random_array(turned ? Shape{n, k} : Shape{k, n}, 1).to(Dtype::kFloat32);
      const Array b = turned ? lies.transpose() : lies;
      const PackedMatrix packed(b, /*rows=*/20);
      for (const std::int64_t m : {20, 7, 1, 0}) {
        const Array a = random_array({m, k}, 2).to(Dtype::kFloat32);
        const Array c = full({m, n}, 0.25, Dtype::kFloat32), expected = c.copy();
        packed.add_product(m, a.data<float>(), c.data<float>());
        if (m > 0) {
          cpu::gemm(m, n, k, 1.0f, {a.data<float>(), k}, {lies.data<float>(), turned ? k : n, turned}, 1.0f,
                    expected.data<float>(), n);
        }
        const std::vector<double> found = to_vector<double>(c), wanted = to_vector<double>(expected);
        for (std::size_t i = 0; i < found.size(); ++i) ASSERT_NEAR(found[i], wanted[i], 1e-4) << m << ", " << i;
      }
    }
  }
}

/// The order may be another for another number of threads, and what was made for one is not used for the other.
TEST(PackedMatrixTest, IsReadAsItWasPackedWhateverTheThreads) {
  const int before = omp_get_max_threads();
  const std::int64_t k = 64, n = 256, m = 16;
  const Array b = random_array({k, n}, 1).to(Dtype::kFloat32), a = random_array({m, k}, 2).to(Dtype::kFloat32);
  std::vector<std::vector<double>> found;
  for (const int packing : {1, 16, 1}) {
    omp_set_num_threads(packing);
    const PackedMatrix packed(b, m);
    for (const int multiplying : {16, 1, 4}) {
      omp_set_num_threads(multiplying);
      const Array c = zeros({m, n}, Dtype::kFloat32);
      packed.add_product(m, a.data<float>(), c.data<float>());
      found.push_back(to_vector<double>(c));
    }
  }
  omp_set_num_threads(before);
  for (const std::vector<double>& c : found) {
    for (std::size_t i = 0; i < c.size(); ++i) ASSERT_NEAR(c[i], found[0][i], 1e-4);
  }
}

}  // namespace
}  // namespace rensa::onednn
