#include "core/kernels/cuda/fused_attention.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <map>
#include <memory>
#include <string>

#include "core/device/gpu/notes.h"
#include "core/kernels/cuda/cudnn.h"
#include "core/kernels/cuda/cudnn_graph.h"

namespace rensa::cuda {
namespace {

using kernels::AttentionOptions;

constexpr std::int64_t kMostWorkspace = std::int64_t{2} << 30;

struct Sizes {
  std::int64_t batch, M, L, D, E;
  Sizes(const Array& q, const Array& k, const Array& v)
      : batch(q.shape()[0]), M(q.shape()[1]), L(k.shape()[1]), D(q.shape()[2]), E(v.shape()[2]) {}
};

/// (batch, 1, rows, columns), row after row; with `transposed` its last two axes are exchanged.
GraphTensor matrices(std::int64_t batch, std::int64_t rows, std::int64_t columns, cudnnDataType_t type,
                     bool transposed = false) {
  GraphTensor form{{batch, 1, rows, columns}, {rows * columns, rows * columns, columns, 1}, type};
  if (transposed) {
    std::swap(form.dims[2], form.dims[3]);
    std::swap(form.strides[2], form.strides[3]);
  }
  return form;
}

/// Builds graphs of scores (batch, 1, M, L) in float32, which are never in memory.
class Builder {
 public:
  Builder(OperationGraph& graph, const Sizes& n, cudnnDataType_t type) : graph_(graph), n_(n), type_(type) {}

  int scores(cudnnDataType_t type = CUDNN_DATA_FLOAT) { return graph_.result(matrices(n_.batch, n_.M, n_.L, type)); }
  int of_queries() { return graph_.result(matrices(n_.batch, n_.M, 1, CUDNN_DATA_FLOAT)); }

  int apply(cudnnPointwiseMode_t mode, const std::vector<int>& inputs) {
    const int y = scores();
    graph_.pointwise(mode, CUDNN_DATA_FLOAT, inputs, y);
    return y;
  }
  /// Keys behind the query get `lowest`.
  int causal(int x, int lowest) {
    const int row = scores(CUDNN_DATA_INT32), column = scores(CUDNN_DATA_INT32), seen = scores(CUDNN_DATA_BOOLEAN);
    graph_.index(x, 2, row);
    graph_.index(x, 3, column);
    graph_.pointwise(CUDNN_POINTWISE_CMP_GE, CUDNN_DATA_BOOLEAN, {row, column}, seen);
    return apply(CUDNN_POINTWISE_BINARY_SELECT, {x, lowest, seen});
  }
  /// x (batch, 1, M, L) as (batch, 1, L, M), in the elements' type, as a product takes it.
  int transposed(int x) {
    const int y = graph_.result(matrices(n_.batch, n_.M, n_.L, type_, /*transposed=*/true));
    graph_.reshape(x, y);
    return y;
  }

 private:
  OperationGraph& graph_;
  const Sizes n_;
  const cudnnDataType_t type_;
};

/// A compiled graph, and the numbers of its tensors.
struct Forward {
  OperationGraph graph;
  int q, k, v, scale, lowest, y, log_sums;

  Forward(Device device, const Sizes& n, cudnnDataType_t type, bool causal) {
    Builder build(graph, n, type);
    q = graph.memory(matrices(n.batch, n.M, n.D, type));
    k = graph.memory(matrices(n.batch, n.L, n.D, type, /*transposed=*/true));
    v = graph.memory(matrices(n.batch, n.L, n.E, type));
    scale = graph.number();
    lowest = graph.number();
    y = graph.memory(matrices(n.batch, n.M, n.E, type));
    log_sums = graph.memory(matrices(n.batch, n.M, 1, CUDNN_DATA_FLOAT));

    int s = build.scores();
    graph.matmul(q, k, s);
    s = build.apply(CUDNN_POINTWISE_MUL, {s, scale});
    if (causal) s = build.causal(s, lowest);
    const int largest = build.of_queries(), sum = build.of_queries(), log = build.of_queries();
    graph.reduce(CUDNN_REDUCE_TENSOR_MAX, s, largest);
    const int shifted = build.apply(CUDNN_POINTWISE_SUB, {s, largest}),
              power = build.apply(CUDNN_POINTWISE_EXP, {shifted});
    graph.reduce(CUDNN_REDUCE_TENSOR_ADD, power, sum);
    graph.pointwise(CUDNN_POINTWISE_LOG, CUDNN_DATA_FLOAT, {sum}, log);
    graph.pointwise(CUDNN_POINTWISE_ADD, CUDNN_DATA_FLOAT, {largest, log}, log_sums);
    const int shares = build.scores(type);
    graph.pointwise(CUDNN_POINTWISE_DIV, CUDNN_DATA_FLOAT, {power, sum}, shares);
    graph.matmul(shares, v, y);
    graph.compile(device, kMostWorkspace);
  }
};

/// With p the shares: gv = pᵀ gy, gp = gy vᵀ, gs = scale p (gp - sum(gy y)), gq = gs k, gk = gsᵀ q. gq is written by
/// its product itself, not added up in float32 by many blocks at once: so the sums have an order.
struct Backward {
  OperationGraph graph;
  int q, k, v, y, gy, log_sums, sums, scale, lowest, one, gq, gk, gv;

  Backward(Device device, const Sizes& n, cudnnDataType_t type, bool causal) {
    Builder build(graph, n, type);
    q = graph.memory(matrices(n.batch, n.M, n.D, type));
    k = graph.memory(matrices(n.batch, n.L, n.D, type, /*transposed=*/true));
    v = graph.memory(matrices(n.batch, n.L, n.E, type, /*transposed=*/true));
    y = graph.memory(matrices(n.batch, n.M, n.E, type));
    gy = graph.memory(matrices(n.batch, n.M, n.E, type));
    log_sums = graph.memory(matrices(n.batch, n.M, 1, CUDNN_DATA_FLOAT));
    sums = graph.memory(matrices(n.batch, n.M, 1, CUDNN_DATA_FLOAT));
    scale = graph.number();
    lowest = graph.number();
    one = graph.number();
    gq = graph.memory(matrices(n.batch, n.M, n.D, type));
    gk = graph.memory(matrices(n.batch, n.L, n.D, type));
    gv = graph.memory(matrices(n.batch, n.L, n.E, type));

    const int product = graph.result(matrices(n.batch, n.M, n.E, CUDNN_DATA_FLOAT)), dot = build.of_queries();
    graph.pointwise(CUDNN_POINTWISE_MUL, CUDNN_DATA_FLOAT, {gy, y}, product);
    graph.reduce(CUDNN_REDUCE_TENSOR_ADD, product, dot);
    graph.pointwise(CUDNN_POINTWISE_MUL, CUDNN_DATA_FLOAT, {dot, one}, sums);

    int s = build.scores();
    graph.matmul(q, k, s);
    s = build.apply(CUDNN_POINTWISE_MUL, {s, scale});
    s = build.apply(CUDNN_POINTWISE_SUB, {s, log_sums});
    if (causal) s = build.causal(s, lowest);
    const int p = build.apply(CUDNN_POINTWISE_EXP, {s});
    graph.matmul(build.transposed(p), gy, gv);

    int gs = build.scores();
    graph.matmul(gy, v, gs);
    gs = build.apply(CUDNN_POINTWISE_SUB, {gs, sums});
    gs = build.apply(CUDNN_POINTWISE_MUL, {gs, p});
    gs = build.apply(CUDNN_POINTWISE_MUL, {gs, scale});
    graph.matmul(build.transposed(gs), q, gk);
    const int keys = graph.result(matrices(n.batch, n.L, n.D, type));
    graph.reshape(k, keys);
    graph.matmul(gs, keys, gq);
    graph.compile(device, kMostWorkspace);
  }
};

bool is_wanted() {
  static const bool wanted = [] {
    const char* const setting = std::getenv("RENSA_FUSED_ATTENTION");
    return !setting || std::string(setting) != "off";
  }();
  return wanted;
}

bool is_aligned(const Array& x) { return reinterpret_cast<std::uintptr_t>(x.raw_data()) % 16 == 0; }

bool may_take(const Sizes& n, Dtype dtype, bool causal) {
  constexpr std::int64_t kMostBatches = 65535, kMostHead = 256;  // of a grid's second axis; of cuDNN's kernels
  return is_wanted() && is_half(dtype) && n.batch > 0 && n.batch <= kMostBatches && n.M > 0 && n.L > 0 && n.D > 0 &&
         n.E > 0 && n.D % 8 == 0 && n.E % 8 == 0 && n.D <= kMostHead && n.E <= kMostHead && (!causal || n.M == n.L);
}

/// The compiled graph for these shapes; null where cuDNN refused it. A graph belongs to the thread's handle.
template <class Compiled>
const Compiled* find(const char* what, Device device, const Sizes& n, Dtype dtype, bool causal) {
  using Key = std::array<std::int64_t, 8>;
  cudnn_handle(device);  // is there first, and goes last
  thread_local std::map<Key, std::unique_ptr<const Compiled>> known;
  const Key key = {device.index, n.batch, n.M, n.L, n.D, n.E, static_cast<std::int64_t>(dtype), causal ? 1 : 0};
  const auto found = known.find(key);
  if (found != known.end()) return found->second.get();
  std::unique_ptr<const Compiled>& place = known[key];
  try {
    place = std::make_unique<const Compiled>(device, n, cudnn_type(dtype, what), causal);
  } catch (const GraphRefused& refused) {
    gpu::note(std::string(what) + ": cuDNN has no fused kernel for some shapes on this GPU (" + refused.what() +
              "); they go through products of matrices.");
  }
  return place.get();
}

constexpr float kLowest = std::numeric_limits<float>::lowest();

}  // namespace

std::optional<std::array<Array, 2>> fused_attention(const Array& q, const Array& k, const Array& v, const Array& bias,
                                                    const AttentionOptions& options) {
  const Sizes n(q, k, v);
  if (bias || !may_take(n, q.dtype(), options.causal)) return std::nullopt;
  if (!is_aligned(q) || !is_aligned(k) || !is_aligned(v)) return std::nullopt;
  const Device device = q.device();
  const Forward* const compiled = find<Forward>("attention", device, n, q.dtype(), options.causal);
  if (!compiled) return std::nullopt;
  const Array y = empty({n.batch, n.M, n.E}, q.dtype(), device),
              log_sums = empty({n.batch, n.M}, Dtype::kFloat32, device);
  const auto scale = static_cast<float>(options.scale);
  std::map<int, const void*> tensors = {{compiled->q, q.raw_data()}, {compiled->k, k.raw_data()},
                                        {compiled->v, v.raw_data()}, {compiled->scale, &scale},
                                        {compiled->y, y.raw_data()}, {compiled->log_sums, log_sums.raw_data()}};
  if (options.causal) tensors[compiled->lowest] = &kLowest;
  compiled->graph.run(device, tensors);
  return std::array<Array, 2>{y, log_sums};
}

std::optional<std::array<Array, 3>> fused_attention_grad(const Array& gy, const Array& y, const Array& log_sums,
                                                         const Array& q, const Array& k, const Array& v,
                                                         const AttentionOptions& options) {
  const Sizes n(q, k, v);
  for (const Array& x : {gy, y, log_sums, q, k, v}) {
    if (!x.is_contiguous() || !is_aligned(x)) return std::nullopt;
  }
  const Device device = q.device();
  const Backward* const compiled = find<Backward>("gradient of attention", device, n, q.dtype(), options.causal);
  if (!compiled) return std::nullopt;
  const Array gq = empty(q.shape(), q.dtype(), device), gk = empty(k.shape(), q.dtype(), device),
              gv = empty(v.shape(), q.dtype(), device), sums = empty({n.batch, n.M}, Dtype::kFloat32, device);
  const auto scale = static_cast<float>(options.scale);
  const float one = 1;
  std::map<int, const void*> tensors = {
      {compiled->q, q.raw_data()},       {compiled->k, k.raw_data()},   {compiled->v, v.raw_data()},
      {compiled->y, y.raw_data()},       {compiled->gy, gy.raw_data()}, {compiled->log_sums, log_sums.raw_data()},
      {compiled->sums, sums.raw_data()}, {compiled->scale, &scale},     {compiled->one, &one},
      {compiled->gq, gq.raw_data()},     {compiled->gk, gk.raw_data()}, {compiled->gv, gv.raw_data()}};
  if (options.causal) tensors[compiled->lowest] = &kLowest;
  compiled->graph.run(device, tensors);
  return std::array<Array, 3>{gq, gk, gv};
}

}  // namespace rensa::cuda
