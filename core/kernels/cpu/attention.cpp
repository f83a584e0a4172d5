#include "core/kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/array/dispatch.h"
#include "core/kernels/cpu/gemm.h"
#include "core/kernels/cpu/half_precision.h"
#include "core/kernels/cpu/parallel.h"
#include "core/kernels/cpu/vector_math.h"

namespace rensa::kernels {
namespace {

// Scores are in memory a tile at a time, small enough for a core's second cache: in forward all keys of some queries,
// whose sum is wanted first; in backward, where sums are known, some keys of more queries, which is kinder to the
// products. On the diagonal of causal attention a tile has few keys and only the queries that see the first of them:
// fewer hidden scores are computed.
constexpr std::int64_t kForwardQueries = 64, kQueries = 256, kKeys = 256, kDiagonalKeys = 32;

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

template <class T>
T dot_product(const T* x, const T* y, std::int64_t count) {
  T sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < count; ++i) sum += x[i] * y[i];
  return sum;
}

/// A matrix whose rows are `stride` elements apart, 1 or more.
template <class T>
struct Rows {
  T* data;
  std::int64_t stride;
  T* row(std::int64_t i) const { return data + i * stride; }
};

/// The matrices of an array (batch, heads, rows, columns), counted over batch and heads.
template <class T>
class Matrices {
 public:
  explicit Matrices(const Array& x)
      : data_(x.data<T>()),
        heads_(x.shape()[1]),
        batch_stride_(x.strides()[0]),
        head_stride_(x.strides()[1]),
        row_stride_(std::max<std::int64_t>({x.strides()[2], x.shape()[3], 1})) {}  // BLAS refuses less
  /// The b-th without its first `row` rows.
  Rows<T> from(std::int64_t b, std::int64_t row = 0) const {
    return {data_ + b / heads_ * batch_stride_ + b % heads_ * head_stride_ + row * row_stride_, row_stride_};
  }

 private:
  T* data_;
  std::int64_t heads_, batch_stride_, head_stride_, row_stride_;
};

/// x itself if its matrices' rows have no gaps and do not overlap, else a copy.
Array with_whole_rows(const Array& x) {
  const bool is_whole =
      (x.shape()[3] <= 1 || x.strides()[3] == 1) && (x.shape()[2] <= 1 || x.strides()[2] >= x.shape()[3]);
  return is_whole ? x : x.contiguous();
}

/// (batch, heads, rows, columns) that lies as (batch, rows, heads, columns): to join the heads again is then free.
Array with_heads_inside(const Array& like, std::int64_t columns) {
  const Shape& shape = like.shape();
  return empty({shape[0], shape[2], shape[1], columns}, like.dtype()).transpose({0, 2, 1, 3});
}

/// c (m, n) = alpha op(a) op(b) + beta c.
template <class T>
void gemm(bool ta, bool tb, std::int64_t m, std::int64_t n, std::int64_t k, T alpha, Rows<T> a, Rows<T> b, T beta,
          Rows<T> c) {
  cpu::gemm(m, n, k, alpha, {a.data, a.stride, ta}, {b.data, b.stride, tb}, beta, c.data, c.stride);
}

struct Sizes {
  std::int64_t batch, M, L, D, E;  ///< batch: heads included
  bool causal;
  Sizes(const Array& q, const Array& k, const Array& v, bool is_causal)
      : batch(q.shape()[0] * q.shape()[1]),
        M(q.shape()[2]),
        L(k.shape()[2]),
        D(q.shape()[3]),
        E(v.shape()[3]),
        causal(is_causal) {}
  /// How many keys a query sees: the first ones.
  std::int64_t keys(std::int64_t query) const { return causal ? std::clamp<std::int64_t>(query + 1 + L - M, 0, L) : L; }
};

/// A tile of the scores: some queries against some keys.
struct Tile {
  std::int64_t query, rows, key, keys;
  /// How many of its keys the r-th of its queries sees.
  std::int64_t seen(const Sizes& n, std::int64_t r) const {
    return std::clamp<std::int64_t>(n.keys(query + r) - key, 0, keys);
  }
};

/// The tile's scores, bias included: s (rows, keys). Those that causality hides are left to the caller.
template <class T>
void scores(const Sizes& n, const Matrices<T>& q, const Matrices<T>& k, const Array& bias, std::int64_t b,
            const Tile& tile, double scale, T* s) {
  gemm(false, true, tile.rows, tile.keys, n.D, static_cast<T>(scale), q.from(b, tile.query), k.from(b, tile.key), T(0),
       Rows<T>{s, tile.keys});
  if (!bias) return;
  for (std::int64_t r = 0; r < tile.rows; ++r) {
    const std::int64_t batch = bias.shape()[0] == 1 ? 0 : b, query = bias.shape()[1] == 1 ? 0 : tile.query + r;
    const T* add = bias.data<T>() + (batch * bias.shape()[1] + query) * n.L + tile.key;
    T* row = s + r * tile.keys;
    for (std::int64_t j = 0; j < tile.keys; ++j) row[j] += add[j];
  }
}

/// Hides the scores after the `seen` first up to a whole number of vectors, and returns that number: exp is then not
/// computed of parts of vectors.
template <class T>
std::int64_t hide_unseen(T* row, std::int64_t seen, std::int64_t keys) {
  constexpr std::int64_t kVector = 16;  // of AVX-512 in float32
  const std::int64_t whole = std::min((seen + kVector - 1) / kVector * kVector, keys);
  std::fill(row + seen, row + whole, -std::numeric_limits<T>::infinity());
  return whole;
}

/// Whole batches to the threads if there are enough; a single one is shared inside gemm.
template <class Body>
void for_each_batch(std::int64_t batch, std::int64_t cost, const Body& body) {
  cpu::for_each_block(
      batch,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t b = begin; b < end; ++b) body(b);
      },
      cost);
}

std::array<Array, 2> attention_cpu(const Array& queries, const Array& all_keys, const Array& values, const Array& bias,
                                   const AttentionOptions& o) {
  const Array q = with_whole_rows(queries), k = with_whole_rows(all_keys), v = with_whole_rows(values);
  const Sizes n(q, k, v, o.causal);
  const Array y = with_heads_inside(q, n.E), log_sums = empty({n.batch, n.M}, Dtype::kFloat64);
  dispatch_floating(q.dtype(), "scaled_dot_product_attention", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrices<T> qs(q), ks(k), vs(v), ys(y);
    for_each_batch(n.batch, n.M * n.L * (n.D + n.E), [&](std::int64_t b) {
      const Array scratch = empty({kForwardQueries, n.L}, q.dtype());
      T* s = scratch.data<T>();
      T share[kForwardQueries];
      for (std::int64_t first = 0; first < n.M; first += kForwardQueries) {
        const std::int64_t rows = std::min(kForwardQueries, n.M - first), keys = n.keys(first + rows - 1);
        const Tile tile{first, rows, 0, keys};
        if (keys > 0) scores(n, qs, ks, bias, b, tile, o.scale, s);
        for (std::int64_t r = 0; r < rows; ++r) {
          T* row = s + r * keys;
          const std::int64_t count = hide_unseen(row, tile.seen(n, r), keys);
          const T largest = largest_of(row, count);
          const T shift = largest == -std::numeric_limits<T>::infinity() ? T(0) : largest;
          const double sum = exponentials(row, shift, row, count);
          std::fill(row + count, row + keys, T(0));
          share[r] = sum > 0 ? static_cast<T>(1 / sum) : T(0);
          log_sums.data<double>()[b * n.M + first + r] =
              sum > 0 ? static_cast<double>(shift) + std::log(sum) : std::numeric_limits<double>::infinity();
        }
        const Rows<T> result = ys.from(b, first);
        if (keys == 0) {
          for (std::int64_t r = 0; r < rows; ++r) std::fill_n(result.row(r), n.E, T(0));
          continue;
        }
        gemm(false, false, rows, n.E, keys, T(1), Rows<T>{s, keys}, vs.from(b), T(0), result);
        for (std::int64_t r = 0; r < rows; ++r) {
          for (std::int64_t e = 0; e < n.E; ++e) result.row(r)[e] *= share[r];
        }
      }
    });
  });
  return {y, log_sums};
}

/// The scores' gradients of a tile, from gp: gs = p (gp - dot), where the shares p are exp(s - log_sum), or 0 of a key
/// that is not seen. In place: s becomes p, gp becomes gs.
template <class T>
void share_gradients(const Sizes& n, const Tile& tile, const T* log_sum, const T* dot, T* s, T* gp) {
  for (std::int64_t r = 0; r < tile.rows; ++r) {
    T *share = s + r * tile.keys, *g = gp + r * tile.keys;
    const std::int64_t seen = tile.seen(n, r);
    exponentials_only(share, log_sum[r], share, hide_unseen(share, seen, tile.keys));
#pragma omp simd
    for (std::int64_t j = 0; j < seen; ++j) g[j] = share[j] * (g[j] - dot[r]);
    std::fill(share + seen, share + tile.keys, T(0));
    std::fill(g + seen, g + tile.keys, T(0));
  }
}

/// With p the shares: gv = pᵀ gy, gp = gy vᵀ, gs = p (gp - sum(gy y)), gq = scale gs k, gk = scale gsᵀ q. p is computed
/// again.
std::array<Array, 3> attention_grad_cpu(const Array& given_gy, const Array& given_y, const Array& log_sums,
                                        const Array& queries, const Array& all_keys, const Array& values,
                                        const Array& bias, const AttentionOptions& o) {
  const Array q = with_whole_rows(queries), k = with_whole_rows(all_keys), v = with_whole_rows(values),
              gy = with_whole_rows(given_gy), y = with_whole_rows(given_y);
  const Sizes n(q, k, v, o.causal);
  const Array gq = with_heads_inside(q, n.D), gk = with_heads_inside(k, n.D), gv = with_heads_inside(k, n.E);
  if (n.M == 0) {  // else the first queries that see a key write its gradients, and later ones add to them
    gk.fill(0);
    gv.fill(0);
  }
  dispatch_floating(q.dtype(), "scaled_dot_product_attention", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrices<T> qs(q), ks(k), vs(v), gys(gy), ys(y), gqs(gq), gks(gk), gvs(gv);
    for_each_batch(n.batch, 3 * n.M * n.L * (n.D + n.E), [&](std::int64_t b) {
      const std::int64_t most = std::min(kQueries, n.M) * std::min(kKeys, n.L);  // scores of a tile
      const Array scratch = empty({2, most}, q.dtype());
      T *p = scratch.data<T>(), *gs = p + most;
      T log_sum[kQueries], dot[kQueries];
      const T scale = static_cast<T>(o.scale);
      for (std::int64_t first = 0; first < n.M; first += kQueries) {
        const std::int64_t end = std::min(first + kQueries, n.M);
        const Rows<T> gy_rows = gys.from(b, first), y_rows = ys.from(b, first), gq_rows = gqs.from(b, first);
        for (std::int64_t r = 0; r < end - first; ++r) {
          log_sum[r] = static_cast<T>(log_sums.data<double>()[b * n.M + first + r]);
          dot[r] = dot_product(gy_rows.row(r), y_rows.row(r), n.E);
          if (n.keys(first + r) == 0) std::fill_n(gq_rows.row(r), n.D, T(0));
        }
        // All of these queries, and those before them, see the keys up to `whole`; the diagonal is beyond.
        const std::int64_t whole = n.keys(first - 1), seen = n.keys(end - 1);
        for (std::int64_t key = 0, keys = 0; key < seen; key += keys) {
          const bool is_whole = key < whole;
          keys = is_whole ? std::min(kKeys, whole - key) : std::min(kDiagonalKeys, seen - key);
          const std::int64_t skipped = is_whole ? 0 : key - (n.L - n.M) - first;  // queries that see none of the keys
          const Tile tile{first + skipped, end - first - skipped, key, keys};
          const Rows<T> q_rows = qs.from(b, tile.query), gradient = gys.from(b, tile.query), shares{p, keys},
                        score_gradients{gs, keys};
          const T gq_before = key == 0 ? T(0) : T(1), gkv_before = is_whole && first > 0 ? T(1) : T(0);
          scores(n, qs, ks, bias, b, tile, o.scale, p);
          gemm(false, true, tile.rows, keys, n.E, T(1), gradient, vs.from(b, key), T(0), score_gradients);
          share_gradients(n, tile, log_sum + skipped, dot + skipped, p, gs);
          gemm(true, false, keys, n.E, tile.rows, T(1), shares, gradient, gkv_before, gvs.from(b, key));
          gemm(false, false, tile.rows, n.D, keys, scale, score_gradients, ks.from(b, key), gq_before,
               gqs.from(b, tile.query));
          gemm(true, false, keys, n.D, tile.rows, scale, score_gradients, q_rows, gkv_before, gks.from(b, key));
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
