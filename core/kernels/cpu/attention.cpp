#include "core/kernels/attention.h"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/array/dispatch.h"
#include "core/kernels/cpu/half_precision.h"
#include "core/kernels/cpu/parallel.h"

namespace rensa::kernels {
namespace {

constexpr std::int64_t kTile = 32;  ///< queries whose scores are in memory at a time

/// c (m, n) = alpha op(a) op(b) + beta c, all row-major and without gaps.
void gemm(bool ta, bool tb, std::int64_t m, std::int64_t n, std::int64_t k, float alpha, const float* a, const float* b,
          float beta, float* c) {
  const auto i = [](std::int64_t x) { return static_cast<int>(x); };
  cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, i(m), i(n), i(k), alpha, a,
              i(std::max<std::int64_t>(1, ta ? m : k)), b, i(std::max<std::int64_t>(1, tb ? k : n)), beta, c, i(n));
}
void gemm(bool ta, bool tb, std::int64_t m, std::int64_t n, std::int64_t k, double alpha, const double* a,
          const double* b, double beta, double* c) {
  const auto i = [](std::int64_t x) { return static_cast<int>(x); };
  cblas_dgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, i(m), i(n), i(k), alpha, a,
              i(std::max<std::int64_t>(1, ta ? m : k)), b, i(std::max<std::int64_t>(1, tb ? k : n)), beta, c, i(n));
}

struct Sizes {
  std::int64_t batch, M, L, D, E;
  Sizes(const Array& q, const Array& k, const Array& v)
      : batch(q.shape()[0]), M(q.shape()[1]), L(k.shape()[1]), D(q.shape()[2]), E(v.shape()[2]) {}
  /// How many keys the last query of a tile sees.
  std::int64_t keys(std::int64_t query, bool causal) const {
    return causal ? std::clamp<std::int64_t>(query + 1 + L - M, 0, L) : L;
  }
};

/// Scores of `rows` queries from `first` on against the first `keys` keys, bias and causality included: s (rows, keys).
template <class T>
void scores(const Sizes& n, const T* q, const T* k, const Array& bias, std::int64_t b, std::int64_t first,
            std::int64_t rows, std::int64_t keys, const AttentionOptions& o, T* s) {
  gemm(false, true, rows, keys, n.D, static_cast<T>(o.scale), q + (b * n.M + first) * n.D, k + b * n.L * n.D, T(0), s);
  for (std::int64_t r = 0; r < rows; ++r) {
    T* row = s + r * keys;
    if (bias) {
      const std::int64_t batch = bias.shape()[0] == 1 ? 0 : b, query = bias.shape()[1] == 1 ? 0 : first + r;
      const T* add = bias.data<T>() + (batch * bias.shape()[1] + query) * n.L;
      for (std::int64_t j = 0; j < keys; ++j) row[j] += add[j];
    }
    const std::int64_t seen = std::min(keys, n.keys(first + r, o.causal));
    std::fill(row + seen, row + keys, -std::numeric_limits<T>::infinity());
  }
}

/// Whole batches to the threads if there are enough; a single one is shared inside BLAS.
template <class Body>
void for_each_batch(std::int64_t batch, std::int64_t cost, const Body& body) {
  cpu::for_each_block(
      batch,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t b = begin; b < end; ++b) body(b);
      },
      cost);
}

std::array<Array, 2> attention_cpu(const Array& q, const Array& k, const Array& v, const Array& bias,
                                   const AttentionOptions& o) {
  const Sizes n(q, k, v);
  Array y = zeros({n.batch, n.M, n.E}, q.dtype()), log_sums = empty({n.batch, n.M}, Dtype::kFloat64);
  dispatch_floating(q.dtype(), "scaled_dot_product_attention", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for_each_batch(n.batch, n.M * n.L * (n.D + n.E), [&](std::int64_t b) {
      const Array scratch = empty({kTile, n.L}, q.dtype());
      T* s = scratch.data<T>();
      for (std::int64_t first = 0; first < n.M; first += kTile) {
        const std::int64_t rows = std::min(kTile, n.M - first), keys = n.keys(first + rows - 1, o.causal);
        if (keys > 0) scores(n, q.data<T>(), k.data<T>(), bias, b, first, rows, keys, o, s);
        for (std::int64_t r = 0; r < rows; ++r) {
          T* row = s + r * keys;
          const T largest = keys == 0 ? -std::numeric_limits<T>::infinity() : *std::max_element(row, row + keys);
          const T shift = largest == -std::numeric_limits<T>::infinity() ? T(0) : largest;
          double sum = 0;
          for (std::int64_t j = 0; j < keys; ++j) sum += static_cast<double>(row[j] = std::exp(row[j] - shift));
          const T share = sum > 0 ? static_cast<T>(1 / sum) : T(0);
          for (std::int64_t j = 0; j < keys; ++j) row[j] *= share;
          log_sums.data<double>()[b * n.M + first + r] =
              sum > 0 ? static_cast<double>(shift) + std::log(sum) : std::numeric_limits<double>::infinity();
        }
        if (keys > 0 && n.E > 0)
          gemm(false, false, rows, n.E, keys, T(1), s, v.data<T>() + b * n.L * n.E, T(0),
               y.data<T>() + (b * n.M + first) * n.E);
      }
    });
  });
  return {y, log_sums};
}

/// With p the shares: gv = pᵀ gy, gp = gy vᵀ, gs = p (gp - sum(gy y)), gq = scale gs k, gk = scale gsᵀ q. p is computed
/// again.
std::array<Array, 3> attention_grad_cpu(const Array& gy, const Array& y, const Array& log_sums, const Array& q,
                                        const Array& k, const Array& v, const Array& bias, const AttentionOptions& o) {
  const Sizes n(q, k, v);
  Array gq = zeros(q.shape(), q.dtype()), gk = zeros(k.shape(), q.dtype()), gv = zeros(v.shape(), q.dtype());
  dispatch_floating(q.dtype(), "scaled_dot_product_attention", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for_each_batch(n.batch, 3 * n.M * n.L * (n.D + n.E), [&](std::int64_t b) {
      const Array scratch = empty({2, kTile, n.L}, q.dtype());
      T *p = scratch.data<T>(), *gs = p + kTile * n.L;
      for (std::int64_t first = 0; first < n.M; first += kTile) {
        const std::int64_t rows = std::min(kTile, n.M - first), keys = n.keys(first + rows - 1, o.causal);
        if (keys == 0) continue;
        scores(n, q.data<T>(), k.data<T>(), bias, b, first, rows, keys, o, p);
        const T* gradient = gy.data<T>() + (b * n.M + first) * n.E;
        const T* result = y.data<T>() + (b * n.M + first) * n.E;
        gemm(false, true, rows, keys, n.E, T(1), gradient, v.data<T>() + b * n.L * n.E, T(0), gs);
        for (std::int64_t r = 0; r < rows; ++r) {
          const T log_sum = static_cast<T>(log_sums.data<double>()[b * n.M + first + r]);
          T dot = 0;
          for (std::int64_t e = 0; e < n.E; ++e) dot += gradient[r * n.E + e] * result[r * n.E + e];
          for (std::int64_t j = r * keys; j < (r + 1) * keys; ++j) {
            p[j] = std::exp(p[j] - log_sum);
            gs[j] = p[j] * (gs[j] - dot);
          }
        }
        const T scale = static_cast<T>(o.scale);
        gemm(true, false, keys, n.E, rows, T(1), p, gradient, T(1), gv.data<T>() + b * n.L * n.E);
        gemm(false, false, rows, n.D, keys, scale, gs, k.data<T>() + b * n.L * n.D, T(0),
             gq.data<T>() + (b * n.M + first) * n.D);
        gemm(true, false, keys, n.D, rows, scale, gs, q.data<T>() + (b * n.M + first) * n.D, T(1),
             gk.data<T>() + b * n.L * n.D);
      }
    });
  });
  return {gq, gk, gv};
}

const Implementation cpu_attention(attention, DeviceKind::kCpu, cpu::in_float32<attention_cpu>);
const Implementation cpu_attention_grad(attention_grad, DeviceKind::kCpu, cpu::in_float32<attention_grad_cpu>);

}  // namespace
}  // namespace rensa::kernels
