#pragma once

#include <utility>
#include <vector>

#include "core/autograd/variable.h"

namespace rensa::functions {

// Cells and layers of recurrent networks, with Chainer's layout of gates.

/// The state of a cell: c (batch, n) inside, h (batch, n) outside.
struct LstmState {
  Variable c, h;
};
/// One step of a long short-term memory: c = tanh(a) σ(i) + c_prev σ(f), h = tanh(c) σ(o).
///
///   c_prev  (batch, n)
///   x       (shorter batch, 4 n): a, i, f, o of each unit lie next to each other
/// Rows of c_prev that x lacks pass through: their sequences have ended; h has x's rows. Throws ShapeError.
/// Source: Hochreiter, Schmidhuber, "Long short-term memory", 1997; Gers et al., "Learning to forget", 1999.
LstmState lstm(const Variable& c_prev, const Variable& x);
/// Two cells that meet: c = tanh(a1) σ(i1) + tanh(a2) σ(i2) + c1 σ(f1) + c2 σ(f2), h = tanh(c) σ(o1 + o2).
/// Source: Zhu, Sobhani, Guo, "Long short-term memory over recursive structures", 2015.
LstmState slstm(const Variable& c1, const Variable& c2, const Variable& x1, const Variable& x2);
/// Any number of children: c = tanh(a) σ(i) + Σ c_k σ(f_k); x (batch, (3 + children) n): a, i, o, f_1 … as blocks of n.
/// Source: Tai, Socher, Manning, "Improved semantic representations from tree-structured LSTM networks", 2015.
LstmState tree_lstm(const Variables& children, const Variable& x);

/// The weights of each layer and direction of an n-step network: W (out, in) and b (out), 8 for LSTM (i, f, a, o
/// from x, then the same from h: the order of Chainer's code and of PyTorch; its documentation names a last), 6 for GRU
/// (r, z, h̄), 2 for plain ones.
struct NStepWeights {
  std::vector<Variables> W, b;
};
/// Results of the n-step functions.
struct NStepResult {
  Variable h;    ///< (layers × directions, batch, n): the last state of each sequence
  Variable c;    ///< the same of the cells; LSTM only
  Variables ys;  ///< for each step (batch of the step, n × directions)
};

/// Several layers over sequences of different lengths: xs[t] (batch of step t, in), which never grows
/// (transpose_sequence makes them); hx (layers × directions, batch, n). Dropout between the layers, when training. The
/// weights of layer l and direction d are number l × directions + d. Throws ValueError if the counts do not fit,
/// ShapeError if a shape does not.
NStepResult n_step_lstm(int layers, double dropout, const Variable& hx, const Variable& cx, const NStepWeights& weights,
                        const Variables& xs);
/// The same in both directions, and with GRU cells in one or both.
/// @{
NStepResult n_step_bilstm(int layers, double dropout, const Variable& hx, const Variable& cx,
                          const NStepWeights& weights, const Variables& xs);
NStepResult n_step_gru(int layers, double dropout, const Variable& hx, const NStepWeights& weights,
                       const Variables& xs);
NStepResult n_step_bigru(int layers, double dropout, const Variable& hx, const NStepWeights& weights,
                         const Variables& xs);
/// @}

/// Of plain cells: h = activation(W x + b + V h + d).
enum class RnnActivation { kTanh, kRelu };
/// With plain cells, in one direction or both.
/// @{
NStepResult n_step_rnn(int layers, double dropout, const Variable& hx, const NStepWeights& weights, const Variables& xs,
                       RnnActivation activation = RnnActivation::kTanh);
NStepResult n_step_birnn(int layers, double dropout, const Variable& hx, const NStepWeights& weights,
                         const Variables& xs, RnnActivation activation = RnnActivation::kTanh);
/// @}

}  // namespace rensa::functions
