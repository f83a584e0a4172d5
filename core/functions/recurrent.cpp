#include "core/functions/recurrent.h"

#include <algorithm>
#include <functional>

#include "core/error.h"
#include "core/functions/activation.h"
#include "core/functions/arithmetic.h"
#include "core/functions/dropout.h"
#include "core/functions/first_rows.h"
#include "core/functions/joining.h"
#include "core/functions/linear.h"
#include "core/functions/shape.h"

namespace rensa::functions {
namespace {

/// The gates a, i, f, o of x (batch, 4 n), whose units lie gate beside gate.
Variables interleaved_gates(const char* name, const Variable& c, const Variable& x) {
  if (c.ndim() != 2 || x.ndim() != 2 || x.shape()[1] != 4 * c.shape()[1] || x.shape()[0] > c.shape()[0]) {
    throw ShapeError(name, ": expected c (batch, n) and x (batch or fewer, 4 n), found ", c.shape(), " and ", x.shape(),
                     ".");
  }
  return separate(reshape(x, {x.shape()[0], c.shape()[1], 4}), 2);
}

/// State of one layer and direction: h, and c for an LSTM.
struct State {
  Variable h, c;
};
/// One step: the state of the rows that still run, and what the inputs contribute (W x + b for each gate).
using Cell = std::function<State(const State& state, const Variables& from_x, const Variables& W, const Variables& b)>;

State lstm_cell(const State& s, const Variables& from_x, const Variables& W, const Variables& b) {
  Variables g;  // i, f, a, o
  for (std::size_t k = 0; k < 4; ++k) g.push_back(from_x[k] + linear(s.h, W[4 + k], &b[4 + k]));
  const Variable c = tanh(g[2]) * sigmoid(g[0]) + s.c * sigmoid(g[1]);
  return {sigmoid(g[3]) * tanh(c), c};
}

State gru_cell(const State& s, const Variables& from_x, const Variables& W, const Variables& b) {
  const Variable r = sigmoid(from_x[0] + linear(s.h, W[3], &b[3])), z = sigmoid(from_x[1] + linear(s.h, W[4], &b[4]));
  const Variable proposed = tanh(from_x[2] + r * linear(s.h, W[5], &b[5]));
  return {(1 - z) * proposed + z * s.h, {}};
}

Cell plain_cell(RnnActivation activation) {
  return [activation](const State& s, const Variables& from_x, const Variables& W, const Variables& b) -> State {
    const Variable sum = from_x[0] + linear(s.h, W[1], &b[1]);
    return {activation == RnnActivation::kTanh ? tanh(sum) : relu(sum), {}};
  };
}

/// All steps of one layer in one direction. The inputs' products are one for all steps.
std::pair<Variables, State> run_layer(const Cell& cell, State state, const Variables& xs, const Variables& W,
                                      const Variables& b, bool backwards) {
  Variables all;  // for each gate, (sum of the batches, n)
  const Variable joined = concat(xs, 0);
  for (std::size_t k = 0; k < W.size() / 2; ++k) all.push_back(linear(joined, W[k], &b[k]));
  std::vector<std::int64_t> starts;
  std::int64_t start = 0;
  for (const Variable& x : xs) {
    starts.push_back(start);
    start += x.shape()[0];
  }
  Variables ys(xs.size());
  for (std::size_t step = 0; step < xs.size(); ++step) {
    const std::size_t t = backwards ? xs.size() - 1 - step : step;
    const std::int64_t rows = xs[t].shape()[0];
    Variables from_x;
    for (const Variable& gate : all) from_x.push_back(slice(gate, 0, {.start = starts[t], .stop = starts[t] + rows}));
    const State running{first_rows(state.h, rows), state.c ? first_rows(state.c, rows) : Variable()};
    const State next = cell(running, from_x, W, b);
    ys[t] = next.h;
    state.h = with_first_rows(state.h, next.h);
    if (state.c) state.c = with_first_rows(state.c, next.c);
  }
  return {ys, state};
}

void check(const char* name, int layers, int directions, std::size_t gates, const Variable& hx, const NStepWeights& w,
           const Variables& xs) {
  const auto count = static_cast<std::size_t>(layers * directions);
  bool fits = layers >= 1 && w.W.size() == count && w.b.size() == count;
  for (std::size_t i = 0; fits && i < count; ++i) fits = w.W[i].size() == gates && w.b[i].size() == gates;
  if (!fits) {
    throw ValueError(name, ": expected ", gates, " W and b for each of ", layers, " layers × ", directions,
                     " directions, found ", w.W.size(), " and ", w.b.size(), " sets of them.");
  }
  if (xs.empty()) throw ValueError(name, ": expected at least one step, found none.");
  if (hx.ndim() != 3 || hx.shape()[0] != layers * directions || xs[0].ndim() != 2 || xs[0].shape()[0] > hx.shape()[1]) {
    throw ShapeError(name, ": expected hx (", layers * directions, ", batch, n) and steps (batch, in), found ",
                     hx.shape(), " and ", xs[0].shape(), ".");
  }
  for (std::size_t t = 1; t < xs.size(); ++t) {
    if (xs[t].shape()[0] > xs[t - 1].shape()[0]) {
      throw ValueError(name, ": step ", t, " has ", xs[t].shape()[0], " rows, the one before it ", xs[t - 1].shape()[0],
                       ". Sort the sequences by falling length; transpose_sequence makes steps of them.");
    }
  }
}

NStepResult n_step(const char* name, const Cell& cell, std::size_t gates, int layers, int directions, double ratio,
                   const Variable& hx, const Variable& cx, const NStepWeights& w, const Variables& xs) {
  check(name, layers, directions, gates, hx, w, xs);
  if (cx && cx.shape() != hx.shape())
    throw ShapeError(name, ": cx is ", cx.shape(), ", expected hx's shape ", hx.shape(), ".");
  Variables inputs = xs, hs, cs;
  for (int layer = 0; layer < layers; ++layer) {
    if (layer > 0) {
      for (Variable& x : inputs) x = dropout(x, ratio);
    }
    std::vector<Variables> outputs;
    for (int direction = 0; direction < directions; ++direction) {
      const int number = layer * directions + direction;
      const State start{select(hx, 0, number), cx ? select(cx, 0, number) : Variable()};
      const auto at = static_cast<std::size_t>(number);
      auto [ys, state] = run_layer(cell, start, inputs, w.W[at], w.b[at], direction == 1);
      outputs.push_back(ys);
      hs.push_back(state.h);
      if (cx) cs.push_back(state.c);
    }
    for (std::size_t t = 0; t < inputs.size(); ++t) {
      inputs[t] = directions == 1 ? outputs[0][t] : concat({outputs[0][t], outputs[1][t]}, 1);
    }
  }
  return {stack(hs, 0), cx ? stack(cs, 0) : Variable(), inputs};
}

}  // namespace

LstmState lstm(const Variable& c_prev, const Variable& x) {
  const Variables g = interleaved_gates("lstm", c_prev, x);
  const Variable c = tanh(g[0]) * sigmoid(g[1]) + first_rows(c_prev, x.shape()[0]) * sigmoid(g[2]);
  return {with_first_rows(c_prev, c), tanh(c) * sigmoid(g[3])};
}

LstmState slstm(const Variable& c1, const Variable& c2, const Variable& x1, const Variable& x2) {
  const Variables g1 = interleaved_gates("slstm", c1, x1), g2 = interleaved_gates("slstm", c2, x2);
  if (c1.shape() != c2.shape() || x1.shape() != x2.shape() || x1.shape()[0] != c1.shape()[0]) {
    throw ShapeError("slstm: expected equal shapes, found c ", c1.shape(), " and ", c2.shape(), ", x ", x1.shape(),
                     " and ", x2.shape(), ".");
  }
  const Variable c =
      tanh(g1[0]) * sigmoid(g1[1]) + tanh(g2[0]) * sigmoid(g2[1]) + c1 * sigmoid(g1[2]) + c2 * sigmoid(g2[2]);
  return {c, tanh(c) * sigmoid(g1[3] + g2[3])};
}

LstmState tree_lstm(const Variables& children, const Variable& x) {
  const auto gates = static_cast<std::int64_t>(children.size()) + 3;
  bool fits = x.ndim() == 2 && x.shape()[1] % gates == 0;
  for (std::size_t i = 0; fits && i < children.size(); ++i)
    fits = children[i].shape() == Shape{x.shape()[0], x.shape()[1] / gates};
  if (!fits) {
    throw ShapeError("tree_lstm: with ", children.size(), " children x should be (batch, ", gates,
                     " n) and each child (batch, n); x is ", x.shape(), children.empty() ? "" : ", the first child ",
                     children.empty() ? Shape{} : children[0].shape(), ".");
  }
  const Variables g = split_axis(x, static_cast<int>(gates), 1);  // a, i, o, f_1 …
  Variable c = tanh(g[0]) * sigmoid(g[1]);
  for (std::size_t i = 0; i < children.size(); ++i) c = c + children[i] * sigmoid(g[3 + i]);
  return {c, sigmoid(g[2]) * tanh(c)};
}

NStepResult n_step_lstm(int layers, double dropout, const Variable& hx, const Variable& cx, const NStepWeights& weights,
                        const Variables& xs) {
  return n_step("n_step_lstm", lstm_cell, 8, layers, 1, dropout, hx, cx, weights, xs);
}
NStepResult n_step_bilstm(int layers, double dropout, const Variable& hx, const Variable& cx,
                          const NStepWeights& weights, const Variables& xs) {
  return n_step("n_step_bilstm", lstm_cell, 8, layers, 2, dropout, hx, cx, weights, xs);
}
NStepResult n_step_gru(int layers, double dropout, const Variable& hx, const NStepWeights& weights,
                       const Variables& xs) {
  return n_step("n_step_gru", gru_cell, 6, layers, 1, dropout, hx, {}, weights, xs);
}
NStepResult n_step_bigru(int layers, double dropout, const Variable& hx, const NStepWeights& weights,
                         const Variables& xs) {
  return n_step("n_step_bigru", gru_cell, 6, layers, 2, dropout, hx, {}, weights, xs);
}
NStepResult n_step_rnn(int layers, double dropout, const Variable& hx, const NStepWeights& weights, const Variables& xs,
                       RnnActivation activation) {
  return n_step("n_step_rnn", plain_cell(activation), 2, layers, 1, dropout, hx, {}, weights, xs);
}
NStepResult n_step_birnn(int layers, double dropout, const Variable& hx, const NStepWeights& weights,
                         const Variables& xs, RnnActivation activation) {
  return n_step("n_step_birnn", plain_cell(activation), 2, layers, 2, dropout, hx, {}, weights, xs);
}

}  // namespace rensa::functions
