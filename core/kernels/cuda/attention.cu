#include "core/kernels/attention.h"

#include <algorithm>
#include <cmath>

#include "core/kernels/cuda/blas.h"
#include "core/kernels/cuda/block_sum.cuh"
#include "core/kernels/cuda/element.cuh"
#include "core/kernels/cuda/fused_attention.h"
#include "core/kernels/cuda/launch.h"

namespace rensa::kernels {
namespace {

using cuda::across_block;
using cuda::Computed;
using cuda::Matrices;
using cuda::MaxOp;
using cuda::multiply;
using cuda::narrow;
using cuda::Operand;
using cuda::part;
using cuda::pointer;
using cuda::SumOp;
using cuda::widen;

// Where cuDNN has no fused kernel: products by cuBLASLt, and everything between them in one kernel. Scores are in
// memory for a stretch of queries at a time, in the type that they are computed in; both passes compute them.

constexpr std::int64_t kMostScores = std::int64_t{1} << 26;  ///< 256 MiB in float32

/// The scores of queries [query, query + rows) of batches [batch, …), against the first `keys` of L keys.
struct Stretch {
  std::int64_t batch, batches, query, rows, keys;
};

struct Visible {
  const void* bias;
  std::int64_t bias_batch_stride, bias_query_stride;  ///< 0 where it is shared
  std::int64_t L, M, first_batch, first_query, rows, keys;
  bool causal;
  /// How many keys a query sees.
  __device__ std::int64_t seen(std::int64_t query) const {
    if (!causal) return keys;
    const std::int64_t count = query + 1 + L - M;
    return count < 0 ? 0 : count < keys ? count : keys;
  }
  template <class T>
  __device__ const T* bias_of(std::int64_t batch, std::int64_t query) const {
    return bias ? static_cast<const T*>(bias) + batch * bias_batch_stride + query * bias_query_stride : nullptr;
  }
};

/// A block has a query: its shares, in the elements' type, and the logarithm of the sum of its exponentials.
template <class T>
__global__ void shares_kernel(const Computed<T>* scores, T* shares, double* log_sums, Visible v) {
  using C = Computed<T>;
  const std::int64_t batch = v.first_batch + blockIdx.y, query = v.first_query + blockIdx.x;
  const std::int64_t row = (static_cast<std::int64_t>(blockIdx.y) * v.rows + blockIdx.x) * v.keys, seen = v.seen(query);
  const T* const bias = v.bias_of<T>(batch, query);
  const auto score = [&](std::int64_t j) { return scores[row + j] + (bias ? widen(bias[j]) : C(0)); };
  C largest = static_cast<C>(MaxOp::kStart);
  for (std::int64_t j = threadIdx.x; j < seen; j += blockDim.x) largest = MaxOp::join(largest, score(j));
  largest = across_block<MaxOp>(largest);
  const C shift = largest == static_cast<C>(MaxOp::kStart) ? C(0) : largest;
  C sum = 0;
  for (std::int64_t j = threadIdx.x; j < seen; j += blockDim.x) sum += std::exp(score(j) - shift);
  sum = across_block<SumOp>(sum);
  const C share = sum > 0 ? 1 / sum : sum;  // a query that sees no key: zeros; not-a-number stays
  for (std::int64_t j = threadIdx.x; j < v.keys; j += blockDim.x) {
    shares[row + j] = narrow<T>(j < seen ? std::exp(score(j) - shift) * share : C(0));
  }
  if (threadIdx.x == 0) {
    log_sums[batch * v.M + query] =
        sum > 0 ? static_cast<double>(shift) + std::log(static_cast<double>(sum)) : static_cast<double>(INFINITY);
  }
}

/// The shares again, p, and gs = p (gp - sum(gy y)).
template <class T>
__global__ void shares_grad_kernel(const Computed<T>* scores, const Computed<T>* gp, const T* gy, const T* y,
                                   const double* log_sums, T* shares, T* gs, std::int64_t E, Visible v) {
  using C = Computed<T>;
  const std::int64_t batch = v.first_batch + blockIdx.y, query = v.first_query + blockIdx.x, at = batch * v.M + query;
  const std::int64_t row = (static_cast<std::int64_t>(blockIdx.y) * v.rows + blockIdx.x) * v.keys, seen = v.seen(query);
  const T* const bias = v.bias_of<T>(batch, query);
  C dot = 0;
  for (std::int64_t e = threadIdx.x; e < E; e += blockDim.x) dot += widen(gy[at * E + e]) * widen(y[at * E + e]);
  dot = across_block<SumOp>(dot);
  const C log_sum = static_cast<C>(log_sums[at]);
  for (std::int64_t j = threadIdx.x; j < v.keys; j += blockDim.x) {
    const C p = j < seen ? std::exp(scores[row + j] + (bias ? widen(bias[j]) : C(0)) - log_sum) : C(0);
    shares[row + j] = narrow<T>(p);
    gs[row + j] = narrow<T>(p == 0 ? C(0) : p * (gp[row + j] - dot));
  }
}

struct Sizes {
  std::int64_t batch, M, L, D, E;
  Sizes(const Array& q, const Array& k, const Array& v)
      : batch(q.shape()[0]), M(q.shape()[1]), L(k.shape()[1]), D(q.shape()[2]), E(v.shape()[2]) {}
};

/// Calls body(stretch) for stretches whose scores fit into memory.
template <class Body>
void for_each_stretch(const Sizes& n, bool causal, const Body& body) {
  if (n.batch == 0 || n.M == 0 || n.L == 0) return;
  const std::int64_t rows = std::clamp<std::int64_t>(kMostScores / n.L, 1, n.M);
  const std::int64_t batches =
      std::clamp<std::int64_t>(kMostScores / (rows * n.L), 1, std::min<std::int64_t>(n.batch, 65535));
  for (std::int64_t batch = 0; batch < n.batch; batch += batches) {
    for (std::int64_t query = 0; query < n.M; query += rows) {
      const std::int64_t count = std::min(rows, n.M - query);
      const std::int64_t keys = causal ? std::clamp<std::int64_t>(query + count + n.L - n.M, 0, n.L) : n.L;
      if (keys > 0) body(Stretch{batch, std::min(batches, n.batch - batch), query, count, keys});
    }
  }
}

Visible visible(const Sizes& n, const Array& bias, const AttentionOptions& o, const Stretch& s) {
  const auto stride = [&](int axis) { return bias && bias.shape()[axis] > 1 ? bias.strides()[axis] : 0; };
  return {bias ? bias.raw_data() : nullptr, stride(0), stride(1), n.L, n.M, s.batch, s.query, s.rows, s.keys, o.causal};
}

/// An array of scores of a stretch, as matrices.
Operand scores_of(const Stretch& s, Dtype dtype, Device device) {
  return Operand(empty({s.batches, s.rows, s.keys}, dtype, device));
}

/// q (batch, M, D), k (batch, L, D), v (batch, L, E), contiguous.
std::array<Array, 2> attention_of_matrices(const Array& q, const Array& k, const Array& v, const Array& bias,
                                           const AttentionOptions& o) {
  if (const auto fused = cuda::fused_attention(q, k, v, bias, o)) return *fused;
  const Sizes n(q, k, v);
  const Device device = q.device();
  const Array y = zeros({n.batch, n.M, n.E}, q.dtype(), device);
  const Array log_sums = full({n.batch, n.M}, INFINITY, Dtype::kFloat64, device);
  const Operand qs(q), ks(k), vs(v), ys(y);
  cuda::dispatch_floating(q.dtype(), "scaled_dot_product_attention", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = Computed<T>;
    for_each_stretch(n, o.causal, [&](const Stretch& s) {
      const Operand scores = scores_of(s, kDtypeOf<C>, device), shares = scores_of(s, q.dtype(), device);
      const Matrices keys = part(ks.matrices, s.batch, s.batches, 0, s.keys),
                     values = part(vs.matrices, s.batch, s.batches, 0, s.keys);
      multiply(part(qs.matrices, s.batch, s.batches, s.query, s.rows), keys.transposed(), scores.matrices, o.scale, 0,
               Array(), device);
      shares_kernel<T><<<dim3(static_cast<unsigned>(s.rows), static_cast<unsigned>(s.batches)),
                         cuda::threads_for_row(s.keys), 0, cuda::stream_for(q)>>>(
          pointer<const C>(scores.array), pointer<T>(shares.array), pointer<double>(log_sums), visible(n, bias, o, s));
      cuda::check_launch("scaled_dot_product_attention");
      multiply(shares.matrices, values, part(ys.matrices, s.batch, s.batches, s.query, s.rows), 1, 0, Array(), device);
    });
  });
  return {y, log_sums};
}

/// With p the shares: gv = pᵀ gy, gp = gy vᵀ, gs = p (gp - sum(gy y)), gq = scale gs k, gk = scale gsᵀ q.
std::array<Array, 3> attention_grad_of_matrices(const Array& gy, const Array& y, const Array& given_sums,
                                                const Array& q, const Array& k, const Array& v, const Array& bias,
                                                const AttentionOptions& o) {
  if (given_sums.dtype() == Dtype::kFloat32) {  // a fused kernel's
    if (const auto fused = cuda::fused_attention_grad(gy, y, given_sums, q, k, v, o)) return *fused;
  }
  const Array log_sums = given_sums.to(Dtype::kFloat64);
  const Sizes n(q, k, v);
  const Device device = q.device();
  const Array result = y.contiguous(), gq = zeros(q.shape(), q.dtype(), device),
              gk = zeros(k.shape(), q.dtype(), device), gv = zeros(v.shape(), q.dtype(), device);
  const Operand gys(gy), qs(q), ks(k), vs(v), gqs(gq), gks(gk), gvs(gv);
  cuda::dispatch_floating(q.dtype(), "scaled_dot_product_attention", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = Computed<T>;
    for_each_stretch(n, o.causal, [&](const Stretch& s) {
      const Operand scores = scores_of(s, kDtypeOf<C>, device), gp = scores_of(s, kDtypeOf<C>, device),
                    shares = scores_of(s, q.dtype(), device), gs = scores_of(s, q.dtype(), device);
      const auto rows = [&](const Operand& x) { return part(x.matrices, s.batch, s.batches, s.query, s.rows); };
      const auto keys = [&](const Operand& x) { return part(x.matrices, s.batch, s.batches, 0, s.keys); };
      multiply(rows(qs), keys(ks).transposed(), scores.matrices, o.scale, 0, Array(), device);
      multiply(rows(gys), keys(vs).transposed(), gp.matrices, 1, 0, Array(), device);
      shares_grad_kernel<T><<<dim3(static_cast<unsigned>(s.rows), static_cast<unsigned>(s.batches)),
                              cuda::threads_for_row(s.keys), 0, cuda::stream_for(q)>>>(
          pointer<const C>(scores.array), pointer<const C>(gp.array), pointer<const T>(gy), pointer<const T>(result),
          pointer<const double>(log_sums), pointer<T>(shares.array), pointer<T>(gs.array), n.E, visible(n, bias, o, s));
      cuda::check_launch("scaled_dot_product_attention_grad");
      const double before = s.query > 0 ? 1 : 0;  // what earlier queries have given
      multiply(shares.matrices.transposed(), rows(gys), keys(gvs), 1, before, Array(), device);
      multiply(gs.matrices, keys(ks), rows(gqs), o.scale, 0, Array(), device);
      multiply(gs.matrices.transposed(), rows(qs), keys(gks), o.scale, before, Array(), device);
    });
  });
  return {gq, gk, gv};
}

/// (batch, heads, rows, columns) as contiguous matrices (batch · heads, rows, columns).
Array matrices_of(const Array& x) {
  const Shape& shape = x.shape();
  return x.contiguous().reshape({shape[0] * shape[1], shape[2], shape[3]});
}

std::array<Array, 2> attention_cuda(const Array& q, const Array& k, const Array& v, const Array& bias,
                                    const AttentionOptions& o) {
  const auto [y, log_sums] = attention_of_matrices(matrices_of(q), matrices_of(k), matrices_of(v), bias, o);
  return {y.reshape({q.shape()[0], q.shape()[1], q.shape()[2], v.shape()[3]}), log_sums};
}

std::array<Array, 3> attention_grad_cuda(const Array& gy, const Array& y, const Array& log_sums, const Array& q,
                                         const Array& k, const Array& v, const Array& bias, const AttentionOptions& o) {
  const auto [gq, gk, gv] = attention_grad_of_matrices(matrices_of(gy), matrices_of(y), log_sums, matrices_of(q),
                                                       matrices_of(k), matrices_of(v), bias, o);
  return {gq.reshape(q.shape()), gk.reshape(k.shape()), gv.reshape(v.shape())};
}

const Implementation cuda_attention(attention, DeviceKind::kCuda, attention_cuda);
const Implementation cuda_attention_grad(attention_grad, DeviceKind::kCuda, attention_grad_cuda);

}  // namespace
}  // namespace rensa::kernels
