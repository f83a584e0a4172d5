#include "core/functions/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/autograd/function.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/constants.h"
#include "core/functions/indexing.h"
#include "core/functions/joining.h"
#include "core/functions/matmul.h"
#include "core/functions/rearrangement.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "core/functions/softmax.h"
#include "core/kernels/arithmetic.h"
#include "core/kernels/attention.h"
#include "core/kernels/indexing.h"

namespace rensa::functions {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// q (batch, heads, M, D), k (batch, heads, L, D), v (batch, heads, L, E).
struct Attention final : Function {
  KeptArray bias;  ///< (1 or batch · heads, 1 or M, L), or none
  kernels::AttentionOptions options;
  Array log_sums;
  Attention(const Array& b, const kernels::AttentionOptions& o) : bias(b), options(o) {}
  const char* name() const override { return "scaled_dot_product_attention"; }

  Array forward(const Array& q, const Array& k, const Array& v) override {
    retain_inputs(0, 1, 2);
    const auto result = kernels::attention(q, k, v, bias.array, options);
    log_sums = result[1];
    retain_output(result[0]);
    return result[0];
  }
  Variables backward(const Variable& gy) override {
    auto [q, k, v] = retained_inputs<3>();
    kept(bias, "bias");
    if (config().enable_backprop) return differentiable_gradients(gy, q, k, v);
    const auto [gq, gk, gv] = kernels::attention_grad(gy.array(), retained_output().array(), log_sums, q.array(),
                                                      k.array(), v.array(), bias.array, options);
    return {Variable(gq), Variable(gk), Variable(gv)};
  }
  void release_saved() override { log_sums = bias.array = {}; }

 private:
  /// The same over variables, with all scores in memory.
  Variables differentiable_gradients(const Variable& gy_of_heads, const Variable& q_of_heads,
                                     const Variable& k_of_heads, const Variable& v_of_heads) const {
    const auto matrices = [](const Variable& x) {
      return reshape(x, {x.shape()[0] * x.shape()[1], x.shape()[2], x.shape()[3]});
    };
    const Variable gy = matrices(gy_of_heads), q = matrices(q_of_heads), k = matrices(k_of_heads),
                   v = matrices(v_of_heads);
    const std::int64_t M = q.shape()[1], L = k.shape()[1];
    const Shape shape = {q.shape()[0], M, L};
    const Device device = q.device();
    Array visible = full(shape, 1, Dtype::kBool, device);
    const Array& added = bias.array;
    if (added) {
      const Array everywhere = added.broadcast_to(shape),
                  lowest = full({}, -kInfinity, added.dtype(), device).broadcast_to(shape);
      visible = kernels::compare(everywhere, lowest, kernels::Comparison::kNotEqual);
    }
    if (options.causal) {
      const Array key = arange(L).broadcast_to({M, L}), last = (arange(M)).reshape({M, 1}).broadcast_to({M, L}).copy();
      for (std::int64_t i = 0; i < M * L; ++i) last.data<std::int64_t>()[i] += L - M;
      const Array seen = kernels::compare(key, last, kernels::Comparison::kLessEqual).to(device);
      visible = kernels::where(visible, seen.broadcast_to(shape), visible);
    }
    // A finite number far below all scores: a query that sees nothing has shares, which are then set to 0.
    Variable s = matmul(q, k, false, true) * options.scale;
    const Variable hidden = constant_like(q, -1e30), zero = constant_like(q, 0);
    if (added)
      s = s + Variable(kernels::where(visible, added.broadcast_to(shape), zeros(shape, added.dtype(), device)));
    const Variable p = where(visible, softmax(where(visible, s, hidden), 2), zero);
    const Variable gp = matmul(gy, v, false, true);
    const Variable gs = p * (gp - sum(p * gp, {2}, /*keepdims=*/true)) * options.scale;
    return {reshape(matmul(gs, k), q_of_heads.shape()),
            reshape(matmul(gs, q, /*transpose_a=*/true), k_of_heads.shape()),
            reshape(matmul(p, gy, /*transpose_a=*/true), v_of_heads.shape())};
  }
};

void check(const Variable& q, const Variable& k, const Variable& v) {
  bool fits = q.ndim() >= 2 && k.ndim() == q.ndim() && v.ndim() == q.ndim();
  for (int i = 0; fits && i < q.ndim() - 2; ++i) fits = k.shape()[i] == q.shape()[i] && v.shape()[i] == q.shape()[i];
  fits = fits && k.shape().back() == q.shape().back() && v.shape()[v.ndim() - 2] == k.shape()[k.ndim() - 2];
  if (!fits) {
    throw ShapeError("scaled_dot_product_attention: expected q (…, M, D), k (…, L, D) and v (…, L, E), found ",
                     q.shape(), ", ", k.shape(), " and ", v.shape(), ".");
  }
  if (q.dtype() != k.dtype() || q.dtype() != v.dtype()) {
    throw DtypeError("scaled_dot_product_attention: q is ", q.dtype(), ", k ", k.dtype(), ", v ", v.dtype(),
                     ". Convert with cast(x, dtype).");
  }
}

/// The bias and the padding as one array (1 or batch, 1 or M, L), or none. The lengths may be on the host.
Array joined_bias(const AttentionOptions& o, const Variable& of_queries, std::int64_t L) {
  const Shape& q = of_queries.shape();
  const Dtype dtype = of_queries.dtype();
  Shape scores = q;
  scores[q.ndim() - 1] = L;
  std::int64_t batch = 1;
  for (int i = 0; i < q.ndim() - 2; ++i) batch *= q[i];
  Array bias;
  if (o.bias) {
    if (broadcast_shapes(o.bias.shape(), scores, "scaled_dot_product_attention") != scores) {
      throw ShapeError("scaled_dot_product_attention: the bias is ", o.bias.shape(),
                       ", which does not broadcast to the scores' ", scores, ".");
    }
    const bool shared = o.bias.ndim() <= 2;
    const std::int64_t queries = o.bias.ndim() < 2 ? 1 : o.bias.shape()[o.bias.ndim() - 2];
    Shape wanted = scores;
    if (shared) wanted = {queries, L};
    bias = o.bias.to(dtype).broadcast_to(wanted).contiguous().reshape(
        {shared ? 1 : batch, shared ? queries : q[q.ndim() - 2], L});
  }
  if (!o.lengths) return bias;
  if (q.ndim() < 3 || o.lengths.shape() != Shape{q[0]}) {
    throw ShapeError("scaled_dot_product_attention: the lengths are ", o.lengths.shape(),
                     ", expected one for each of q's first axis, ", q, ".");
  }
  const std::vector<std::int64_t> lengths = to_vector<std::int64_t>(o.lengths);
  const std::int64_t repeats = q[0] == 0 ? 0 : batch / q[0];
  const Array hidden = zeros({batch, 1, L}, dtype);  // filled on the host, row by row, and moved as one
  for (std::int64_t b = 0; b < batch; ++b) {
    const std::int64_t length = lengths[static_cast<std::size_t>(b / repeats)];
    hidden.select(0, b).slice(1, {.start = std::max<std::int64_t>(0, length)}).fill(-kInfinity);
  }
  const Array padding = hidden.to(of_queries.device());
  return bias ? kernels::add(bias, padding) : padding;
}

/// (…, M, D) as (batch, heads, M, D), a view of the usual four axes.
Variable in_heads(const Variable& x) {
  const int leading = x.ndim() - 2;
  std::int64_t batch = 1;
  for (int i = 0; i < leading - 1; ++i) batch *= x.shape()[i];
  return reshape(x, {batch, leading > 0 ? x.shape()[leading - 1] : 1, x.shape()[leading], x.shape()[leading + 1]});
}

}  // namespace

Variable scaled_dot_product_attention(const Variable& q, const Variable& k, const Variable& v,
                                      const AttentionOptions& options) {
  check(q, k, v);
  const std::int64_t L = k.shape()[k.ndim() - 2], D = q.shape().back();
  const double scale = options.scale.value_or(1 / std::sqrt(static_cast<double>(std::max<std::int64_t>(D, 1))));
  const auto function =
      make_function<Attention>(joined_bias(options, q, L), kernels::AttentionOptions{scale, options.causal});
  const Variable y = apply(function, in_heads(q), in_heads(k), in_heads(v));
  Shape shape = q.shape();
  shape[q.ndim() - 1] = v.shape().back();
  return reshape(y, shape);
}

Variable rotary_embedding(const Variable& x, double base, std::int64_t start, RotaryPairs pairs) {
  if (x.ndim() < 2 || x.shape().back() % 2 != 0) {
    throw ShapeError("rotary_embedding: expected x (…, L, D) with an even D, found ", x.shape(), ".");
  }
  const std::int64_t L = x.shape()[x.ndim() - 2], half = x.shape().back() / 2;
  Array cosines = empty({L, half}, Dtype::kFloat64), sines = empty({L, half}, Dtype::kFloat64);
  for (std::int64_t i = 0; i < L * half; ++i) {
    const double position = static_cast<double>(start + i / half);
    const double angle = position * std::pow(base, -static_cast<double>(i % half) / static_cast<double>(half));
    cosines.data<double>()[i] = std::cos(angle);
    sines.data<double>()[i] = std::sin(angle);
  }
  const Variable c = constant_like(x, cosines), s = constant_like(x, sines);
  if (pairs == RotaryPairs::kHalves) {
    const Variables parts = split_axis(x, 2, -1);
    return concat({parts[0] * c - parts[1] * s, parts[1] * c + parts[0] * s}, x.ndim() - 1);
  }
  const Variable a = slice(x, -1, {.step = 2}), b = slice(x, -1, {.start = 1, .step = 2});
  return reshape(stack({a * c - b * s, b * c + a * s}, x.ndim()), x.shape());
}

}  // namespace rensa::functions
