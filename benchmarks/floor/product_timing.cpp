#include <cblas.h>
#include <dnnl.hpp>

#include "benchmarks/floor/convolution_timing.h"
#include "benchmarks/floor/stopwatch.h"

namespace rensa::floor {
namespace {

/// C (m, n) = op(A) op(B), row-major, k summed over; 'T' for an operand that is stored transposed.
Best time_sgemm(char a_form, char b_form, std::int64_t m, std::int64_t n, std::int64_t k) {
  const Floats a = filled(static_cast<std::size_t>(m * k)), b = filled(static_cast<std::size_t>(k * n)),
               c = filled(static_cast<std::size_t>(m * n));
  const std::int64_t lda = a_form == 'N' ? k : m, ldb = b_form == 'N' ? n : k;
  const auto form = [](char f) { return f == 'N' ? CblasNoTrans : CblasTrans; };
  Best best;
  best.offer(median_ms([&] {
               cblas_sgemm(CblasRowMajor, form(a_form), form(b_form), static_cast<int>(m), static_cast<int>(n),
                           static_cast<int>(k), 1.0f, a.get(), static_cast<int>(lda), b.get(), static_cast<int>(ldb),
                           0.0f, c.get(), static_cast<int>(n));
             }),
             "openblas");
  best.offer(
      median_ms([&] { dnnl::sgemm(a_form, b_form, m, n, k, 1.0f, a.get(), lda, b.get(), ldb, 0.0f, c.get(), n); }),
      "onednn");
  return best;
}

}  // namespace

LayerTime time_product(const Product& p) {
  LayerTime time;
  time.forward = time_sgemm('N', 'T', p.rows, p.out, p.in);                      // y = x W^T
  if (!p.first) time.backward_data = time_sgemm('N', 'N', p.rows, p.in, p.out);  // gx = gy W
  time.backward_weights = time_sgemm('T', 'N', p.out, p.in, p.rows);             // gW = gy^T x
  return time;
}

}  // namespace rensa::floor
