#include "core/kernels/attention.h"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/array/dispatch.h"
#include "core/kernels/cpu/half_precision.h"
#include "core/kernels/cpu/parallel.h"
#include "core/kernels/cpu/vector_math.h"

namespace rensa::kernels {
namespace {

// Scores are in memory a tile at a time, small enough for a core's second cache: in forward all keys of some queries,
// whose sum is wanted first; in backward, where sums are known, some keys of more queries, which is kinder to the
// products.
constexpr std::int64_t kForwardQueries = 64, kQueries = 128, kKeys = 256;

/// y = exp(x - shift), and the sum.
double exponentials(const float* x, float shift, float* y, std::int64_t count) {
  return cpu::vector_exp_sum(x, shift, y, count);
}
double exponentials(const double* x, double shift, double* y, std::int64_t count) {
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += y[i] = std::exp(x[i] - shift);
  return sum;
}
/// The same without the sum.
void exponentials_only(const float* x, float shift, float* y, std::int64_t count) {
  cpu::vector_exp_of_difference(x, shift, y, count);
}
void exponentials_only(const double* x, double shift, double* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = std::exp(x[i] - shift);
}

/// The largest, -infinity of none.
template <class T>
T largest_of(const T* x, std::int64_t count) {
  T largest = -std::numeric_limits<T>::infinity();
#pragma omp simd reduction(max : largest)
  for (std::int64_t i = 0; i < count; ++i) largest = x[i] > largest ? x[i] : largest;
  return largest;
}

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

/// A tile of the scores: some queries against some keys.
struct Tile {
  std::int64_t query, rows, key, keys;
};

/// The tile's scores, bias and causality included: s (rows, keys).
template <class T>
void scores(const Sizes& n, const T* q, const T* k, const Array& bias, std::int64_t b, const Tile& tile,
            const AttentionOptions& o, T* s) {
  gemm(false, true, tile.rows, tile.keys, n.D, static_cast<T>(o.scale), q + (b * n.M + tile.query) * n.D,
       k + (b * n.L + tile.key) * n.D, T(0), s);
  for (std::int64_t r = 0; r < tile.rows; ++r) {
    T* row = s + r * tile.keys;
    if (bias) {
      const std::int64_t batch = bias.shape()[0] == 1 ? 0 : b, query = bias.shape()[1] == 1 ? 0 : tile.query + r;
      const T* add = bias.data<T>() + (batch * bias.shape()[1] + query) * n.L + tile.key;
      for (std::int64_t j = 0; j < tile.keys; ++j) row[j] += add[j];
    }
    const std::int64_t seen = std::clamp<std::int64_t>(n.keys(tile.query + r, o.causal) - tile.key, 0, tile.keys);
    std::fill(row + seen, row + tile.keys, -std::numeric_limits<T>::infinity());
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
      const Array scratch = empty({kForwardQueries, n.L}, q.dtype());
      T* s = scratch.data<T>();
      T share[kForwardQueries];
      for (std::int64_t first = 0; first < n.M; first += kForwardQueries) {
        const std::int64_t rows = std::min(kForwardQueries, n.M - first), keys = n.keys(first + rows - 1, o.causal);
        if (keys > 0) scores(n, q.data<T>(), k.data<T>(), bias, b, {first, rows, 0, keys}, o, s);
        for (std::int64_t r = 0; r < rows; ++r) {
          T* row = s + r * keys;
          const T largest = largest_of(row, keys);
          const T shift = largest == -std::numeric_limits<T>::infinity() ? T(0) : largest;
          const double sum = exponentials(row, shift, row, keys);
          share[r] = sum > 0 ? static_cast<T>(1 / sum) : T(0);
          log_sums.data<double>()[b * n.M + first + r] =
              sum > 0 ? static_cast<double>(shift) + std::log(sum) : std::numeric_limits<double>::infinity();
        }
        if (keys == 0 || n.E == 0) continue;
        T* result = y.data<T>() + (b * n.M + first) * n.E;
        gemm(false, false, rows, n.E, keys, T(1), s, v.data<T>() + b * n.L * n.E, T(0), result);
        for (std::int64_t r = 0; r < rows; ++r) {
          for (std::int64_t e = 0; e < n.E; ++e) result[r * n.E + e] *= share[r];
        }
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
      const Array scratch = empty({2, kQueries, kKeys}, q.dtype());
      T *p = scratch.data<T>(), *gs = p + kQueries * kKeys;
      T log_sum[kQueries], dot[kQueries];
      const T scale = static_cast<T>(o.scale);
      for (std::int64_t first = 0; first < n.M; first += kQueries) {
        const std::int64_t rows = std::min(kQueries, n.M - first), all = n.keys(first + rows - 1, o.causal);
        const T* gradient = gy.data<T>() + (b * n.M + first) * n.E;
        const T* result = y.data<T>() + (b * n.M + first) * n.E;
        for (std::int64_t r = 0; r < rows; ++r) {
          log_sum[r] = static_cast<T>(log_sums.data<double>()[b * n.M + first + r]);
          dot[r] = 0;
          for (std::int64_t e = 0; e < n.E; ++e) dot[r] += gradient[r * n.E + e] * result[r * n.E + e];
        }
        for (std::int64_t key = 0; key < all; key += kKeys) {
          const std::int64_t keys = std::min(kKeys, all - key);
          scores(n, q.data<T>(), k.data<T>(), bias, b, {first, rows, key, keys}, o, p);
          gemm(false, true, rows, keys, n.E, T(1), gradient, v.data<T>() + (b * n.L + key) * n.E, T(0), gs);
          for (std::int64_t r = 0; r < rows; ++r) {
            T *share = p + r * keys, *g = gs + r * keys;
            exponentials_only(share, log_sum[r], share, keys);
#pragma omp simd
            for (std::int64_t j = 0; j < keys; ++j) g[j] = share[j] * (g[j] - dot[r]);
          }
          gemm(true, false, keys, n.E, rows, T(1), p, gradient, T(1), gv.data<T>() + (b * n.L + key) * n.E);
          gemm(false, false, rows, n.D, keys, scale, gs, k.data<T>() + (b * n.L + key) * n.D, T(1),
               gq.data<T>() + (b * n.M + first) * n.D);
          gemm(true, false, keys, n.D, rows, scale, gs, q.data<T>() + (b * n.M + first) * n.D, T(1),
               gk.data<T>() + (b * n.L + key) * n.D);
        }
      }
    });
  });
  return {gq, gk, gv};
}

const Implementation cpu_attention(attention, DeviceKind::kCpu, cpu::in_float32<attention_cpu>);
const Implementation cpu_attention_grad(attention_grad, DeviceKind::kCpu, cpu::in_float32<attention_grad_cpu>);

}  // namespace
}  // namespace rensa::kernels
