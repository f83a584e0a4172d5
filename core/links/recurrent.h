#pragma once

#include <cstdint>
#include <optional>

#include "core/functions/first_rows.h"
#include "core/functions/recurrent.h"
#include "core/links/linear.h"

namespace rensa {

// Cells of recurrent networks under Chainer's names and keys. The stateless ones take and give the state; the stateful
// ones keep it from call to call, until reset_state(). A batch may shrink from call to call (sequences in falling order
// of length): the rows of the state that it lacks stay as they are, and what the stateful ones return has the batch's.

/// Options of all cells.
struct CellOptions {
  std::int64_t in, out;  ///< features of x (kLazySize: those of the first batch), units
  /// LSTM: start of the forget gates' bias. Not said: 1, but what bias_init gives for StatefulPeepholeLstm and
  /// StatefulZoneoutLstm, as in Chainer.
  std::optional<double> forget_bias_init = std::nullopt;
  Dtype dtype = Dtype::kFloat32;
  Initializer upward_init = init::lecun_normal();   ///< weights of x (MGU: of h and x); LSTM: of each gate by itself
  Initializer lateral_init = init::lecun_normal();  ///< weights of h and c; LSTM: of each gate by itself
  Initializer bias_init = init::zeros();
};

/// Long short-term memory. Keys: upward/W (4 out, in), upward/b, lateral/W (4 out, out); the gates a, i, f, o of each
/// unit lie next to each other.
class StatelessLstm : public Link {
 public:
  explicit StatelessLstm(const CellOptions& options);
  /// c and h may be no variables: zeros.
  functions::LstmState operator()(const Variable& c, const Variable& h, const Variable& x);
  Linear upward, lateral;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<StatelessLstm>(options_); }
  const CellOptions options_;
};

/// The same with its state.
class Lstm : public UnaryLink {
 public:
  explicit Lstm(const CellOptions& options);
  Variable forward(const Variable& x) override;
  /// All steps of x (steps, batch, in) as one operation, from the state and into it: (steps, batch, out). See
  /// functions::lstm_sequence.
  Variable sequence(const Variable& x);
  void reset_state();                                    ///< the next call starts from zeros
  void set_state(const Variable& c, const Variable& h);  ///< the next call starts from these, (batch, out)
  /// Cuts the state's history: gradients of later steps stop here (truncated backpropagation).
  void unchain_state();
  /// The state after the last call, (batch, out); no variable after reset_state().
  /// @{
  const Variable& c() const { return c_; }
  const Variable& h() const { return h_; }
  /// @}
  Linear upward, lateral;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<Lstm>(options_); }

 private:
  const CellOptions options_;
  Variable c_, h_;
};

/// LSTM whose gates see the cell too. Keys: upward, lateral, peep_i, peep_f, peep_o.
/// Source: Gers, Schmidhuber, "Recurrent nets that time and count", 2000.
class StatefulPeepholeLstm : public UnaryLink {
 public:
  explicit StatefulPeepholeLstm(const CellOptions& options);
  Variable forward(const Variable& x) override;
  void reset_state() { c_ = h_ = {}; }                   ///< the next call starts from zeros
  void set_state(const Variable& c, const Variable& h);  ///< the next call starts from these, (batch, out)
  /// The state after the last call, (batch, out); no variable after reset_state().
  /// @{
  const Variable& c() const { return c_; }
  const Variable& h() const { return h_; }
  /// @}

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<StatefulPeepholeLstm>(options_); }

 private:
  const CellOptions options_;
  Linear upward_, lateral_, peep_i_, peep_f_, peep_o_;
  Variable c_, h_;
};

/// Options of StatefulZoneoutLstm.
struct ZoneoutOptions {
  double c_ratio = 0.5, h_ratio = 0.5;  ///< share of units that keep their value in a step
};
/// LSTM that keeps random units as they were, when training; otherwise all move, as in Chainer (the paper takes the
/// mean of both). Source: Krueger et al., "Zoneout", 2016.
class StatefulZoneoutLstm : public UnaryLink {
 public:
  explicit StatefulZoneoutLstm(const CellOptions& options, const ZoneoutOptions& zoneout = {});
  Variable forward(const Variable& x) override;
  void reset_state() { c_ = h_ = {}; }                   ///< the next call starts from zeros
  void set_state(const Variable& c, const Variable& h);  ///< the next call starts from these, (batch, out)
  /// The state after the last call, (batch, out); no variable after reset_state().
  /// @{
  const Variable& c() const { return c_; }
  const Variable& h() const { return h_; }
  /// @}

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<StatefulZoneoutLstm>(options_, zoneout_); }

 private:
  const CellOptions options_;
  const ZoneoutOptions zoneout_;
  Linear upward_, lateral_;
  Variable c_, h_;
};

/// Gated recurrent unit. Keys: W_r, U_r, W_z, U_z, W, U, each a linear layer.
/// Source: Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014.
class StatelessGru : public Link {
 public:
  explicit StatelessGru(const CellOptions& options);
  /// Without h the layers U_r, U_z and U are left out with their biases, as Chainer's stateful unit starts.
  Variable operator()(const Variable& h, const Variable& x);

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<StatelessGru>(options_); }

 private:
  const CellOptions options_;
  Linear W_r_, U_r_, W_z_, U_z_, W_, U_;
};

/// Minimal gated unit. Keys: W_f, W_h, each a linear layer of h and x together.
/// Source: Zhou et al., "Minimal gated unit for recurrent neural networks", 2016.
class StatelessMgu : public Link {
 public:
  explicit StatelessMgu(const CellOptions& options);
  Variable operator()(const Variable& h, const Variable& x);  ///< h (batch, out), x (batch, in); the next h

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<StatelessMgu>(options_); }

 private:
  const CellOptions options_;
  Linear W_f_, W_h_;
};

/// A cell of one state with that state.
template <class Cell>
class Stateful : public UnaryLink {
 public:
  explicit Stateful(const CellOptions& options) : options_(options), cell_(options) { add_members(cell_); }
  Variable forward(const Variable& x) override {
    h_ = cell_(h_, x);
    return functions::first_rows(h_, x.shape()[0]);
  }
  void reset_state() { h_ = {}; }                ///< the next call starts from zeros
  void set_state(const Variable& h) { h_ = h; }  ///< the next call starts from this, (batch, out)
  /// The state after the last call, (batch, out); no variable after reset_state().
  const Variable& h() const { return h_; }

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<Stateful>(options_); }

 private:
  const CellOptions options_;
  Cell cell_;
  Variable h_;
};
/// Chainer's StatefulGRU and StatefulMGU.
/// @{
using StatefulGru = Stateful<StatelessGru>;
using StatefulMgu = Stateful<StatelessMgu>;
/// @}

}  // namespace rensa
