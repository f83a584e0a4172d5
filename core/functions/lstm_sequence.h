#pragma once

#include <cstdint>
#include <vector>

#include "core/autograd/variable.h"
#include "core/functions/recurrent.h"

namespace rensa::functions {

/// Results of lstm_sequence().
struct LstmSequence {
  Variable y;     ///< (S, n): h of every step's rows
  Variable h, c;  ///< (batch, n): each sequence's last state
};
/// All steps of one LSTM layer in one direction as one operation: one product for the inputs of all steps, one for each
/// step's state, one fused pass for its gates, and one product each for the weights' gradients.
///
///   x         (S, in): the rows of all steps, one step after another
///   rows      of each step; they never grow: the sequences lie in falling order of length (transpose_sequence)
///   W_x       (4 n, in), W_h (4 n, n), b (4 n): blocks a, i, f, o of n
///   hx, cx    (batch, n)
///   backwards the last step comes first
/// A gradient that is to be differentiated again goes step by step. 16-bit arrays are computed in float32, and their
/// results rounded. Throws ShapeError, DtypeError, ValueError.
LstmSequence lstm_sequence(const Variable& x, const std::vector<std::int64_t>& rows, const Variable& W_x,
                           const Variable& W_h, const Variable& b, const Variable& hx, const Variable& cx,
                           bool backwards = false);

/// Weights whose rows are Chainer's, gate beside gate (a, i, f, o of each unit), as blocks: W (4 n, …) or b (4 n).
Variable gate_blocks(const Variable& interleaved);

/// Results of all layers and directions.
struct LstmRows {
  Variable h, c;  ///< (layers × directions, batch, n)
  Variable y;     ///< (S, n × directions)
};
/// n_step_lstm and n_step_bilstm by lstm_sequence over the rows of all steps: x (S, in), rows of each step.
LstmRows n_step_lstm_rows(int layers, int directions, double dropout, const Variable& hx, const Variable& cx,
                          const NStepWeights& weights, const Variable& x, const std::vector<std::int64_t>& rows);

/// One after the other of these lengths along axis 0, as one operation: its gradient is one copy, where slices would
/// each fill the whole with zeros.
Variables split_rows(const Variable& x, const std::vector<std::int64_t>& lengths);

/// The same for steps that are apart.
NStepResult fast_n_step_lstm(int layers, int directions, double dropout, const Variable& hx, const Variable& cx,
                             const NStepWeights& weights, const Variables& xs);

}  // namespace rensa::functions
