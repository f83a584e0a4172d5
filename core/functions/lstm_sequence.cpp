#include "core/functions/lstm_sequence.h"

#include <numeric>
#include <utility>

#include "core/autograd/function.h"
#include "core/error.h"
#include "core/functions/activation.h"
#include "core/functions/arithmetic.h"
#include "core/functions/dropout.h"
#include "core/functions/joining.h"
#include "core/functions/linear.h"
#include "core/functions/matmul.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "core/kernels/lstm.h"
#include "core/kernels/product.h"

namespace rensa::functions {
namespace {

/// Inputs x, W_x, W_h, b, hx, cx; outputs y, last h, last c.
struct Sequence final : Function {
  enum Input { kX, kWx, kWh, kB, kHx, kCx };
  kernels::LstmSteps steps;
  Array gates, cells, y;
  kernels::LstmLayer made;  ///< where the device has a layer of its own

  explicit Sequence(kernels::LstmSteps s) : steps(std::move(s)) {}
  const char* name() const override { return "lstm_sequence"; }

  Arrays forward(const Arrays& inputs) override {
    retain_inputs(kX, kWx, kWh, kB, kHx, kCx);
    if (!steps.backwards) {
      made =
          kernels::lstm_layer(inputs[kX].contiguous(), inputs[kWx], inputs[kWh], inputs[kB], inputs[kHx].contiguous(),
                              inputs[kCx].contiguous(), steps.rows, config().enable_backprop);
      if (made.y) return {made.y, made.h, made.c};
    }
    gates = kernels::linear(inputs[kX].contiguous(), inputs[kWx].contiguous(), inputs[kB].contiguous());
    const auto result =
        kernels::lstm_steps(gates, inputs[kHx].contiguous(), inputs[kCx].contiguous(), inputs[kWh].contiguous(), steps);
    y = result[0];
    cells = result[1];
    return {result[0], result[2], result[3]};
  }

  Variables backward(const Variables& gys) override {
    return config().enable_backprop ? differentiable_gradients(gys) : fused_gradients(gys);
  }
  void release_saved() override {
    gates = cells = y = {};
    made = {};
  }

 private:
  Variables fused_gradients(const Variables& gys) const {
    auto [x, W_x, W_h, b, hx, cx] = retained_inputs<6>();
    const Array h0 = hx.array().contiguous(), c0 = cx.array().contiguous(), W = W_h.array().contiguous();
    const auto given = [](const Variable& g, const Array& like) {
      return g ? g.array().copy() : zeros(like.shape(), like.dtype(), like.device());
    };
    const Array gh = given(gys[1], h0), gc = given(gys[2], c0);
    const Array& like_y = made.y ? made.y : y;
    const Array gy = gys[0] ? gys[0].array().contiguous() : zeros(like_y.shape(), like_y.dtype(), like_y.device());
    Variables gradients(6);
    if (made.y) {
      const kernels::LstmLayerGrad g =
          kernels::lstm_layer_grad(gy, gh, gc, made, x.array().contiguous(), h0, c0, steps.rows);
      const Array all[] = {g.gx, g.gW_x, g.gW_h, g.gb, g.ghx, g.gcx};
      for (int i = 0; i < 6; ++i) {
        if (needs_input_grad(i)) gradients[static_cast<std::size_t>(i)] = Variable(all[i]);
      }
    } else {
      const Array sums = kernels::lstm_steps_grad(gates, cells, c0, W, gy, gh, gc, steps);
      put_gradients(sums, x.array(), W_x.array(), h0, gradients);
      if (needs_input_grad(kHx)) gradients[kHx] = Variable(gh);
      if (needs_input_grad(kCx)) gradients[kCx] = Variable(gc);
    }
    return gradients;
  }

  /// The same in functions that can be differentiated again, step by step.
  Variables differentiable_gradients(const Variables& gys) const {
    const auto [x, W_x, W_h, b, hx, cx] = retained_inputs<6>();
    struct Step {
      std::int64_t begin, rows;
      Variable a = {}, i = {}, f = {}, o = {}, h_before = {}, c_before = {}, tanh_c = {};
    };
    std::vector<Step> taken;
    std::int64_t begin = 0;
    for (const std::int64_t rows : steps.rows)
      taken.push_back({.begin = std::exchange(begin, begin + rows), .rows = rows});
    if (taken.empty()) return {{}, {}, {}, {}, gys[1], gys[2]};
    const auto in_time = [&](std::size_t i) -> Step& { return taken[steps.backwards ? taken.size() - 1 - i : i]; };

    const std::int64_t batch = hx.shape()[0], n = hx.shape()[1];
    const auto rows_of = [](const Variable& v, const Step& step) {
      return slice(v, 0, {.start = step.begin, .stop = step.begin + step.rows});
    };
    const auto first_rows = [](const Variable& v, const Step& step) { return slice(v, 0, {.stop = step.rows}); };
    const auto replace_first = [&](const Variable& all, const Variable& first) {
      const std::int64_t rows = first.shape()[0];
      return rows == batch ? first : concat({first, slice(all, 0, {.start = rows})}, 0);
    };
    const Variable from_inputs = linear(x, W_x, &b);
    Variable h = hx, c = cx;
    for (std::size_t t = 0; t < taken.size(); ++t) {
      Step& step = in_time(t);
      step.h_before = first_rows(h, step);
      step.c_before = first_rows(c, step);
      const Variable sums = rows_of(from_inputs, step) + matmul(step.h_before, W_h, false, /*transpose_b=*/true);
      const auto block = [&](std::int64_t k) { return slice(sums, 1, {.start = k * n, .stop = (k + 1) * n}); };
      step.a = tanh(block(0));
      step.i = sigmoid(block(1));
      step.f = sigmoid(block(2));
      step.o = sigmoid(block(3));
      const Variable cell = step.a * step.i + step.f * step.c_before;
      step.tanh_c = tanh(cell);
      h = replace_first(h, step.o * step.tanh_c);
      c = replace_first(c, cell);
    }

    const auto given = [](const Variable& g, const Variable& like) {
      return g ? g : Variable(zeros(like.shape(), like.dtype(), like.device()));
    };
    Variable gh = given(gys[1], hx), gc = given(gys[2], cx);
    Variables of_sums(taken.size()), before(taken.size());
    for (std::size_t t = taken.size(); t-- > 0;) {
      const Step& step = in_time(t);
      const auto& [first, rows, a, i, f, o, h_before, c_before, tanh_c] = step;
      const Variable of_h = gys[0] ? first_rows(gh, step) + rows_of(gys[0], step) : first_rows(gh, step);
      const Variable of_c = first_rows(gc, step) + of_h * o * (1 - tanh_c * tanh_c);
      const Variable sums = concat(
          {of_c * i * (1 - a * a), of_c * a * i * (1 - i), of_c * c_before * f * (1 - f), of_h * tanh_c * o * (1 - o)},
          1);
      gh = replace_first(gh, matmul(sums, W_h));
      gc = replace_first(gc, of_c * f);
      const auto place = static_cast<std::size_t>(&step - taken.data());
      of_sums[place] = sums;
      before[place] = h_before;
    }
    const Variable all = concat(of_sums, 0);
    return {matmul(all, W_x),
            matmul(all, x, /*transpose_a=*/true),
            matmul(all, concat(before, 0), /*transpose_a=*/true),
            sum(all, {0}),
            gh,
            gc};
  }

  /// Of the inputs and weights, from the gradient of what the inputs gave.
  void put_gradients(const Array& sums, const Array& x, const Array& W_x, const Array& h0, Variables& gradients) const {
    if (needs_input_grad(kX)) gradients[kX] = Variable(kernels::product(sums, W_x, Array()));
    if (needs_input_grad(kWx)) {
      gradients[kWx] = Variable(kernels::product(sums.transpose(), x.contiguous(), gradient_destination(kWx)));
    }
    if (needs_input_grad(kWh)) {
      const Array before = kernels::lstm_states_before(y, h0, steps);
      gradients[kWh] = Variable(kernels::product(sums.transpose(), before, gradient_destination(kWh)));
    }
    if (needs_input_grad(kB)) gradients[kB] = sum(Variable(sums), {0});
  }
};

void check(const Variable& x, const std::vector<std::int64_t>& rows, const Variable& W_x, const Variable& W_h,
           const Variable& b, const Variable& hx, const Variable& cx) {
  const std::int64_t all = std::accumulate(rows.begin(), rows.end(), std::int64_t{0});
  const bool matrices = x.ndim() == 2 && W_x.ndim() == 2 && W_h.ndim() == 2 && hx.ndim() == 2;
  const std::int64_t n = matrices ? hx.shape()[1] : 0;
  const bool fits = matrices && x.shape()[0] == all && W_x.shape() == Shape{4 * n, x.shape()[1]} &&
                    W_h.shape() == Shape{4 * n, n} && b.shape() == Shape{4 * n} && cx.shape() == hx.shape() &&
                    (rows.empty() || rows.front() <= hx.shape()[0]);
  if (!fits) {
    throw ShapeError(
        "lstm_sequence: expected x (S, in), W_x (4 n, in), W_h (4 n, n), b (4 n), hx and cx (batch, n) with S = ", all,
        ", found ", x.shape(), ", ", W_x.shape(), ", ", W_h.shape(), ", ", b.shape(), ", ", hx.shape(), ", ",
        cx.shape(), ".");
  }
  for (const Variable& other : {W_x, W_h, b, hx, cx}) {
    if (other.dtype() != x.dtype()) {
      throw DtypeError("lstm_sequence: x is ", x.dtype(), ", the weights or states are ", other.dtype(),
                       ". Convert x with cast(x, dtype), or build the link with that dtype.");
    }
  }
  for (std::size_t t = 1; t < rows.size(); ++t) {
    if (rows[t] > rows[t - 1]) {
      throw ValueError("lstm_sequence: step ", t, " has ", rows[t], " rows, the one before it ", rows[t - 1],
                       ". Sort the sequences by falling length.");
    }
  }
}

}  // namespace

LstmSequence lstm_sequence(const Variable& x, const std::vector<std::int64_t>& rows, const Variable& W_x,
                           const Variable& W_h, const Variable& b, const Variable& hx, const Variable& cx,
                           bool backwards) {
  check(x, rows, W_x, W_h, b, hx, cx);
  if (is_half(x.dtype())) {
    const auto wide = [](const Variable& v) { return cast(v, Dtype::kFloat32); };
    const LstmSequence all = lstm_sequence(wide(x), rows, wide(W_x), wide(W_h), wide(b), wide(hx), wide(cx), backwards);
    return {cast(all.y, x.dtype()), cast(all.h, x.dtype()), cast(all.c, x.dtype())};
  }
  const Variables results = apply_all(make_function<Sequence>(kernels::LstmSteps{.rows = rows, .backwards = backwards}),
                                      {x, W_x, W_h, b, hx, cx});
  return {results[0], results[1], results[2]};
}

Variable gate_blocks(const Variable& interleaved) {
  const std::int64_t n = interleaved.shape()[0] / 4;
  if (interleaved.ndim() == 1) return reshape(transpose(reshape(interleaved, {n, 4})), {4 * n});
  const std::int64_t columns = interleaved.shape()[1];
  return reshape(transpose(reshape(interleaved, {n, 4, columns}), {1, 0, 2}), {4 * n, columns});
}

LstmRows n_step_lstm_rows(int layers, int directions, double ratio, const Variable& hx, const Variable& cx,
                          const NStepWeights& weights, const Variable& x, const std::vector<std::int64_t>& rows) {
  constexpr std::size_t kBlocks[] = {2, 0, 1, 3};  // a, i, f, o among Chainer's i, f, a, o
  Variable input = x;
  Variables hs, cs;
  for (int layer = 0; layer < layers; ++layer) {
    if (layer > 0) input = dropout(input, ratio);
    Variables outputs;
    for (int direction = 0; direction < directions; ++direction) {
      const auto at = static_cast<std::size_t>(layer * directions + direction);
      Variables from_x, from_h, bias;
      for (const std::size_t gate : kBlocks) {
        from_x.push_back(weights.W[at][gate]);
        from_h.push_back(weights.W[at][4 + gate]);
        bias.push_back(weights.b[at][gate] + weights.b[at][4 + gate]);
      }
      const int number = layer * directions + direction;
      const LstmSequence result = lstm_sequence(input, rows, concat(from_x, 0), concat(from_h, 0), concat(bias, 0),
                                                select(hx, 0, number), select(cx, 0, number), direction == 1);
      outputs.push_back(result.y);
      hs.push_back(result.h);
      cs.push_back(result.c);
    }
    input = directions == 1 ? outputs[0] : concat(outputs, 1);
  }
  return {stack(hs, 0), stack(cs, 0), input};
}

namespace {

struct SplitRows final : Function {
  const std::vector<std::int64_t> lengths;
  Shape shape;
  Dtype dtype = Dtype::kFloat32;
  Device device;
  explicit SplitRows(std::vector<std::int64_t> l) : lengths(std::move(l)) {}
  const char* name() const override { return "split_rows"; }

  Arrays forward(const Arrays& inputs) override {
    shape = inputs[0].shape();
    dtype = inputs[0].dtype();
    device = inputs[0].device();
    Arrays parts;
    std::int64_t begin = 0;
    for (const std::int64_t length : lengths) {
      parts.push_back(inputs[0].slice(0, {.start = begin, .stop = begin + length}));
      begin += length;
    }
    return parts;
  }
  Variables backward(const Variables& gys) override {
    Variables whole;
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      Shape part = shape;
      part[0] = lengths[i];
      whole.push_back(gys[i] ? gys[i] : Variable(zeros(part, dtype, device)));
    }
    return {concat(whole, 0)};
  }
};

}  // namespace

Variables split_rows(const Variable& x, const std::vector<std::int64_t>& lengths) {
  const std::int64_t all = std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0});
  if (x.ndim() < 1 || x.shape()[0] != all || lengths.empty()) {
    throw ShapeError("split_rows: lengths of ", all, " together do not cut x ", x.shape(), ".");
  }
  return apply_all(make_function<SplitRows>(lengths), {x});
}

NStepResult fast_n_step_lstm(int layers, int directions, double ratio, const Variable& hx, const Variable& cx,
                             const NStepWeights& weights, const Variables& xs) {
  std::vector<std::int64_t> rows;
  for (const Variable& x : xs) rows.push_back(x.shape()[0]);
  const LstmRows result = n_step_lstm_rows(layers, directions, ratio, hx, cx, weights, concat(xs, 0), rows);
  return {result.h, result.c, split_rows(result.y, rows)};
}

}  // namespace rensa::functions
