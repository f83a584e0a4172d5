#include "core/links/n_step.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "core/functions/indexing.h"
#include "core/functions/joining.h"
#include "core/functions/lstm_sequence.h"
#include "core/functions/shape.h"

namespace rensa {
namespace {

int gates_of(NStepKind kind) { return kind == NStepKind::kLstm ? 8 : kind == NStepKind::kGru ? 6 : 2; }

/// Numbers of the sequences in falling order of length.
std::vector<std::int64_t> falling_lengths(const Variables& xs) {
  std::vector<std::int64_t> order(xs.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return xs[static_cast<std::size_t>(a)].shape()[0] > xs[static_cast<std::size_t>(b)].shape()[0];
  });
  return order;
}

}  // namespace

NStepRnn::Weights::Weights(int count, std::int64_t in, const NStepOptions& o) {
  for (int i = 0; i < count; ++i) {
    w.push_back(std::make_unique<Parameter>(Shape{o.out, i < count / 2 ? in : o.out}, o.initial_W, o.dtype));
    b.push_back(std::make_unique<Parameter>(Shape{o.out}, o.initial_b, o.dtype));
    add(detail::join("w", i), *w.back());
    add(detail::join("b", i), *b.back());
  }
}

NStepRnn::NStepRnn(NStepKind kind, bool bidirectional, const NStepOptions& o)
    : kind_(kind), directions_(bidirectional ? 2 : 1), options_(o) {
  if (o.layers < 1 || o.in < 1 || o.out < 1) {
    throw ValueError("NStepRnn: layers ", o.layers, ", in ", o.in, ", out ", o.out, "; expected at least 1 each.");
  }
  for (int i = 0; i < o.layers * directions_; ++i) {
    const std::int64_t in = i < directions_ ? o.in : o.out * directions_;
    weights_.push_back(std::make_unique<Weights>(gates_of(kind), in, o));
    add(std::to_string(i), *weights_.back());
  }
}

functions::NStepWeights NStepRnn::weights() const {
  functions::NStepWeights weights;
  for (const auto& set : weights_) {
    Variables w, b;
    for (const auto& parameter : set->w) w.push_back(*parameter);
    for (const auto& parameter : set->b) b.push_back(*parameter);
    weights.W.push_back(w);
    weights.b.push_back(b);
  }
  return weights;
}

/// All rows of all sequences at once: brought into the order of time by one gather, and back by another.
functions::LstmRows NStepRnn::run_rows(const Variable& h, const Variable& c, const Variables& xs,
                                       const std::vector<std::int64_t>& order, Variables& ys) const {
  std::vector<std::int64_t> begins, lengths;
  std::int64_t all = 0;
  for (const Variable& x : xs) {
    begins.push_back(all);
    lengths.push_back(x.shape()[0]);
    all += x.shape()[0];
  }
  std::vector<std::int64_t> rows, by_time, back(static_cast<std::size_t>(all));
  const std::int64_t longest = lengths[static_cast<std::size_t>(order.front())];
  for (std::int64_t t = 0; t < longest; ++t) {
    std::int64_t running = 0;
    for (const std::int64_t i : order) {
      const auto sequence = static_cast<std::size_t>(i);
      if (lengths[sequence] <= t) break;  // the others are shorter
      back[static_cast<std::size_t>(begins[sequence] + t)] = static_cast<std::int64_t>(by_time.size());
      by_time.push_back(begins[sequence] + t);
      ++running;
    }
    rows.push_back(running);
  }
  const functions::LstmRows result =
      functions::n_step_lstm_rows(options_.layers, directions_, options_.dropout, h, c, weights(),
                                  functions::take(functions::concat(xs, 0), array(by_time, {all})), rows);
  ys = functions::split_rows(functions::take(result.y, array(back, {all})), lengths);
  return result;
}

functions::NStepResult NStepRnn::run(const Variable& h, const Variables& steps) const {
  const functions::NStepWeights weights = this->weights();
  const bool both = directions_ == 2;
  const int layers = options_.layers;
  const double dropout = options_.dropout;
  if (kind_ == NStepKind::kGru) {
    return both ? functions::n_step_bigru(layers, dropout, h, weights, steps)
                : functions::n_step_gru(layers, dropout, h, weights, steps);
  }
  const auto activation = kind_ == NStepKind::kTanh ? functions::RnnActivation::kTanh : functions::RnnActivation::kRelu;
  return both ? functions::n_step_birnn(layers, dropout, h, weights, steps, activation)
              : functions::n_step_rnn(layers, dropout, h, weights, steps, activation);
}

NStepRnn::Result NStepRnn::operator()(const Variable& h, const Variable& c, const Variables& xs) {
  if (xs.empty()) throw ValueError("NStepRnn: expected at least one sequence, found none.");
  const std::vector<std::int64_t> order = falling_lengths(xs);
  const bool sorted = std::is_sorted(order.begin(), order.end());
  const auto batch = static_cast<std::int64_t>(xs.size());
  const Array positions = array(order, {batch});
  Variables ordered;
  for (const std::int64_t i : order) ordered.push_back(xs[static_cast<std::size_t>(i)]);
  const auto state = [&](const Variable& given) {
    if (!given)
      return Variable(zeros({options_.layers * directions_, batch, options_.out}, xs[0].dtype(), xs[0].device()));
    return sorted ? given : functions::permutate(given, positions, 1);
  };
  const bool has_cells = kind_ == NStepKind::kLstm;
  const auto in_order = [&](const Variable& found) {
    return sorted || !found ? found : functions::permutate(found, positions, 1, /*inverse=*/true);
  };
  const Variable no_steps(zeros({0, options_.out * directions_}, xs[0].dtype(), xs[0].device()));
  Result own;
  own.ys.assign(xs.size(), no_steps);
  if (ordered.front().shape()[0] == 0) {  // all sequences are empty: the states stay
    own.h = state(h);
    if (has_cells) own.c = state(c);
  } else if (has_cells) {
    const functions::LstmRows result = run_rows(state(h), state(c), xs, order, own.ys);
    own.h = in_order(result.h);
    own.c = in_order(result.c);
  } else {
    const functions::NStepResult result = run(state(h), functions::transpose_sequence(ordered));
    const Variables back = functions::transpose_sequence(result.ys);
    own.h = in_order(result.h);
    for (std::size_t i = 0; i < back.size(); ++i) own.ys[static_cast<std::size_t>(order[i])] = back[i];
  }
  return own;
}

namespace {
std::unique_ptr<NStepRnn> make(NStepKind kind, bool both, const NStepOptions& o) {
  return std::make_unique<NStepRnn>(kind, both, o);
}
}  // namespace

std::unique_ptr<NStepRnn> n_step_lstm(const NStepOptions& o) { return make(NStepKind::kLstm, false, o); }
std::unique_ptr<NStepRnn> n_step_bilstm(const NStepOptions& o) { return make(NStepKind::kLstm, true, o); }
std::unique_ptr<NStepRnn> n_step_gru(const NStepOptions& o) { return make(NStepKind::kGru, false, o); }
std::unique_ptr<NStepRnn> n_step_bigru(const NStepOptions& o) { return make(NStepKind::kGru, true, o); }
std::unique_ptr<NStepRnn> n_step_rnn_tanh(const NStepOptions& o) { return make(NStepKind::kTanh, false, o); }
std::unique_ptr<NStepRnn> n_step_birnn_tanh(const NStepOptions& o) { return make(NStepKind::kTanh, true, o); }
std::unique_ptr<NStepRnn> n_step_rnn_relu(const NStepOptions& o) { return make(NStepKind::kRelu, false, o); }
std::unique_ptr<NStepRnn> n_step_birnn_relu(const NStepOptions& o) { return make(NStepKind::kRelu, true, o); }

}  // namespace rensa
