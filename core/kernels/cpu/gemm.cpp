#include "core/kernels/cpu/gemm.h"

#include <cblas.h>

#include <dnnl.hpp>

#include "core/kernels/cpu/onednn/instructions.h"

namespace rensa::cpu {
namespace {

int narrow(std::int64_t x) { return static_cast<int>(x); }

template <class T>
CBLAS_TRANSPOSE form(const Factor<T>& f) {
  return f.transposed ? CblasTrans : CblasNoTrans;
}

/// Where oneDNN 2.6 is faster than OpenBLAS 0.3.21 on a Xeon with AVX-512: by up to a third, and by
/// more where it shares out over threads what OpenBLAS leaves to one. OpenBLAS starts sooner, does not fall behind in
/// long sums of large results, and reads the columns of a transposed first factor without misses where they all lie in
/// the same sets of a cache.
bool suits_onednn(std::int64_t m, std::int64_t n, std::int64_t k, const Factor<float>& a) {
  constexpr std::int64_t kLongSum = 2048, kLargeResult = 512 * 512, kSameSets = 1024;
  return m * n * k > kLargeProduct && (k < kLongSum || m * n <= kLargeResult) &&
         !(a.transposed && a.stride % kSameSets == 0) && onednn_multiplies_faster();
}

}  // namespace

bool onednn_multiplies_faster() {
  static const bool is_so = onednn::has_instructions(dnnl::cpu_isa::avx512_core);
  return is_so;
}

void gemm(std::int64_t m, std::int64_t n, std::int64_t k, float alpha, Factor<float> a, Factor<float> b, float beta,
          float* c, std::int64_t c_stride) {
  if (m == 0 || n == 0) return;
  if (suits_onednn(m, n, k, a)) {
    const dnnl::status status = dnnl::sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', m, n, k, alpha, a.data,
                                            a.stride, b.data, b.stride, beta, c, c_stride);
    if (status == dnnl::status::success) return;  // else it found no memory for its copies
  }
  cblas_sgemm(CblasRowMajor, form(a), form(b), narrow(m), narrow(n), narrow(k), alpha, a.data, narrow(a.stride), b.data,
              narrow(b.stride), beta, c, narrow(c_stride));
}

void gemm(std::int64_t m, std::int64_t n, std::int64_t k, double alpha, Factor<double> a, Factor<double> b, double beta,
          double* c, std::int64_t c_stride) {
  if (m == 0 || n == 0) return;
  cblas_dgemm(CblasRowMajor, form(a), form(b), narrow(m), narrow(n), narrow(k), alpha, a.data, narrow(a.stride), b.data,
              narrow(b.stride), beta, c, narrow(c_stride));
}

}  // namespace rensa::cpu
