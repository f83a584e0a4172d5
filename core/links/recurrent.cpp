#include "core/links/recurrent.h"

#include "core/error.h"
#include "core/functions/activation.h"
#include "core/functions/arithmetic.h"
#include "core/functions/combinations.h"
#include "core/functions/joining.h"
#include "core/functions/lstm_sequence.h"
#include "core/functions/noise.h"
#include "core/functions/shape.h"

namespace rensa {
namespace {

/// b of an LSTM's four gates: the forget gate's (the third of each unit) may start elsewhere.
Initializer gate_biases(const Initializer& all, std::optional<double> forget) {
  return [=](const Array& values, RandomStream& random) {
    all(values, random);
    if (forget) values.slice(0, {.start = 2, .step = 4}).fill(*forget);
  };
}
/// W of an LSTM's four gates: a quarter of the rows at a time, as Chainer counts fans.
Initializer gate_weights(const Initializer& each) {
  return [=](const Array& values, RandomStream& random) {
    const std::int64_t rows = values.shape()[0] / 4;
    for (std::int64_t begin = 0; begin < 4 * rows; begin += rows) {
      each(values.slice(0, {.start = begin, .stop = begin + rows}), random);
    }
  };
}
LinearOptions upward(const CellOptions& o, std::optional<double> default_forget_bias) {
  return {.in = o.in,
          .out = 4 * o.out,
          .initial_W = gate_weights(o.upward_init),
          .dtype = o.dtype,
          .initial_b = gate_biases(o.bias_init, o.forget_bias_init ? o.forget_bias_init : default_forget_bias)};
}
LinearOptions lateral(const CellOptions& o) {
  return {.in = o.out, .out = 4 * o.out, .bias = false, .initial_W = gate_weights(o.lateral_init), .dtype = o.dtype};
}
/// From x to the units, and from the units to themselves.
/// @{
LinearOptions from_x(const CellOptions& o) {
  return {.in = o.in, .out = o.out, .initial_W = o.upward_init, .dtype = o.dtype, .initial_b = o.bias_init};
}
LinearOptions square(const CellOptions& o, bool bias) {
  return {
      .in = o.out, .out = o.out, .bias = bias, .initial_W = o.lateral_init, .dtype = o.dtype, .initial_b = o.bias_init};
}
/// @}
LinearOptions from_h_and_x(const CellOptions& o) {
  LinearOptions options = from_x(o);
  if (o.in != kLazySize) options.in += o.out;
  return options;
}

Variable zero_state(const CellOptions& o, const Variable& x) {
  return Variable(zeros({x.shape()[0], o.out}, x.dtype(), x.device()));
}

using functions::first_rows;
using functions::with_first_rows;

/// upward(x) + lateral(h) with the state's first rows.
Variable gate_sums(Linear& up, Linear& across, const Variable& x, const Variable& h) {
  const Variable of_x = up(x);
  return h ? of_x + across(first_rows(h, x.shape()[0])) : of_x;
}

}  // namespace

StatelessLstm::StatelessLstm(const CellOptions& o)
    : upward(rensa::upward(o, 1)), lateral(rensa::lateral(o)), options_(o) {
  add("upward", upward);
  add("lateral", lateral);
}
functions::LstmState StatelessLstm::operator()(const Variable& c, const Variable& h, const Variable& x) {
  return functions::lstm(c ? c : zero_state(options_, x), gate_sums(upward, lateral, x, h));
}

Lstm::Lstm(const CellOptions& o) : upward(rensa::upward(o, 1)), lateral(rensa::lateral(o)), options_(o) {
  add("upward", upward);
  add("lateral", lateral);
}
Variable Lstm::forward(const Variable& x) {
  const functions::LstmState next =
      functions::lstm(c_ ? c_ : zero_state(options_, x), gate_sums(upward, lateral, x, h_));
  c_ = next.c;
  h_ = h_ ? with_first_rows(h_, next.h) : next.h;
  return next.h;
}
Variable Lstm::sequence(const Variable& x) {
  if (x.ndim() != 3) throw ShapeError("Lstm::sequence: expected x (steps, batch, in), found ", x.shape(), ".");
  const std::int64_t steps = x.shape()[0], batch = x.shape()[1];
  if (!upward.W.is_initialized()) upward.W.initialize({4 * options_.out, x.shape()[2]});
  const Variable first(zeros({batch, options_.out}, x.dtype(), x.device()));
  const functions::LstmSequence all = functions::lstm_sequence(
      functions::reshape(x, {steps * batch, x.shape()[2]}),
      std::vector<std::int64_t>(static_cast<std::size_t>(steps), batch), functions::gate_blocks(upward.W),
      functions::gate_blocks(lateral.W), functions::gate_blocks(upward.b), h_ ? h_ : first, c_ ? c_ : first);
  h_ = all.h;
  c_ = all.c;
  return functions::reshape(all.y, {steps, batch, options_.out});
}
void Lstm::reset_state() { c_ = h_ = {}; }
void Lstm::set_state(const Variable& c, const Variable& h) {
  c_ = c;
  h_ = h;
}
void Lstm::unchain_state() {
  if (c_) c_ = Variable(c_.array());
  if (h_) h_ = Variable(h_.array());
}

StatefulPeepholeLstm::StatefulPeepholeLstm(const CellOptions& o)
    : options_(o),
      upward_(upward(o, std::nullopt)),
      lateral_(lateral(o)),
      peep_i_(square(o, false)),
      peep_f_(square(o, false)),
      peep_o_(square(o, false)) {
  add("upward", upward_);
  add("lateral", lateral_);
  add("peep_i", peep_i_);
  add("peep_f", peep_f_);
  add("peep_o", peep_o_);
}
Variable StatefulPeepholeLstm::forward(const Variable& x) {
  using functions::sigmoid;
  const Variable sums = gate_sums(upward_, lateral_, x, h_);
  const Variables g = functions::separate(functions::reshape(sums, {x.shape()[0], options_.out, 4}), 2);  // a, i, f, o
  const Variable before = c_ ? first_rows(c_, x.shape()[0]) : zero_state(options_, x);
  const Variable c = functions::tanh(g[0]) * sigmoid(g[1] + peep_i_(before)) + before * sigmoid(g[2] + peep_f_(before));
  const Variable h = functions::tanh(c) * sigmoid(g[3] + peep_o_(c));
  c_ = c_ ? with_first_rows(c_, c) : c;
  h_ = h_ ? with_first_rows(h_, h) : h;
  return h;
}
void StatefulPeepholeLstm::set_state(const Variable& c, const Variable& h) {
  c_ = c;
  h_ = h;
}

StatefulZoneoutLstm::StatefulZoneoutLstm(const CellOptions& o, const ZoneoutOptions& zoneout)
    : options_(o), zoneout_(zoneout), upward_(upward(o, std::nullopt)), lateral_(lateral(o)) {
  add("upward", upward_);
  add("lateral", lateral_);
}
Variable StatefulZoneoutLstm::forward(const Variable& x) {
  const std::int64_t rows = x.shape()[0];
  const Variable c = c_ ? c_ : zero_state(options_, x), h = h_ ? h_ : zero_state(options_, x);
  const functions::LstmState moved = functions::lstm(first_rows(c, rows), gate_sums(upward_, lateral_, x, h_));
  const auto next = [&](const Variable& before, const Variable& after, double ratio) {
    return functions::zoneout(first_rows(before, rows), after, ratio);
  };
  const Variable y = next(h, moved.h, zoneout_.h_ratio);
  c_ = with_first_rows(c, next(c, moved.c, zoneout_.c_ratio));
  h_ = with_first_rows(h, y);
  return y;
}
void StatefulZoneoutLstm::set_state(const Variable& c, const Variable& h) {
  c_ = c;
  h_ = h;
}

StatelessGru::StatelessGru(const CellOptions& o)
    : options_(o),
      W_r_(from_x(o)),
      U_r_(square(o, true)),
      W_z_(from_x(o)),
      U_z_(square(o, true)),
      W_(from_x(o)),
      U_(square(o, true)) {
  add("W_r", W_r_);
  add("U_r", U_r_);
  add("W_z", W_z_);
  add("U_z", U_z_);
  add("W", W_);
  add("U", U_);
}
Variable StatelessGru::operator()(const Variable& h, const Variable& x) {
  if (!h) return functions::sigmoid(W_z_(x)) * functions::tanh(W_(x));
  const Variable before = first_rows(h, x.shape()[0]);
  const Variable r = functions::sigmoid(W_r_(x) + U_r_(before)), z = functions::sigmoid(W_z_(x) + U_z_(before));
  const Variable proposed = functions::tanh(W_(x) + U_(r * before));
  return with_first_rows(h, functions::linear_interpolate(z, proposed, before));
}

StatelessMgu::StatelessMgu(const CellOptions& o) : options_(o), W_f_(from_h_and_x(o)), W_h_(from_h_and_x(o)) {
  add("W_f", W_f_);
  add("W_h", W_h_);
}
Variable StatelessMgu::operator()(const Variable& h, const Variable& x) {
  const Variable whole = h ? h : zero_state(options_, x), before = first_rows(whole, x.shape()[0]);
  const Variable f = functions::sigmoid(W_f_(functions::concat({before, x}, 1)));
  const Variable proposed = functions::tanh(W_h_(functions::concat({f * before, x}, 1)));
  return with_first_rows(whole, functions::linear_interpolate(f, proposed, before));
}

}  // namespace rensa
