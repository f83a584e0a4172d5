#pragma once

#include <cstdint>

namespace rensa::cpu {

/// Multiplications above which a product is large: it is worth several threads, and time to prepare it.
inline constexpr std::int64_t kLargeProduct = 64 * 64 * 64;

/// Whether oneDNN's products are measured to be faster than BLAS's on this processor: with AVX-512.
bool onednn_multiplies_faster();

/// A factor of a product as it lies in memory: rows, `stride` elements from one to the next. `transposed`: the factor
/// is the transpose of what lies there.
template <class T>
struct Factor {
  const T* data;
  std::int64_t stride;
  bool transposed = false;
};

/// c (m, n) = alpha a b + beta c with a (m, k) and b (k, n); c's rows are c_stride apart. With beta = 0 what c held is
/// not read. No size and no stride may be above the largest int; strides are at least 1.
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, float alpha, Factor<float> a, Factor<float> b, float beta,
          float* c, std::int64_t c_stride);
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, double alpha, Factor<double> a, Factor<double> b, double beta,
          double* c, std::int64_t c_stride);

}  // namespace rensa::cpu
