#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/kernels/kernel.h"

namespace rensa::kernels {

/// The steps of an LSTM's sequences: step t has rows[t] of them, in falling order of length, so that rows never grows.
/// Rows of all steps lie one after another: S of them.
struct LstmSteps {
  std::vector<std::int64_t> rows;
  bool backwards = false;  ///< the last step comes first
};

/// All steps of one layer in one direction.
///
///   gates     (S, 4 n), contiguous: what the inputs give (x W_xᵀ + b) as blocks a, i, f, o of n. Becomes the gates
///             themselves: tanh(a), σ(i), σ(f), σ(o)
///   hx, cx    (batch, n): the first state
///   W         (4 n, n): from the last h
///   returns   {y (S, n), c of every row (S, n), last h (batch, n), last c (batch, n)}
/// float32 and float64.
extern Kernel<std::array<Array, 4>(const Array& gates, const Array& hx, const Array& cx, const Array& W,
                                   const LstmSteps& steps)>
    lstm_steps;

/// The gradient with respect to what the inputs gave (S, 4 n). The gates stay as they are: the graph may be kept for
/// another backward().
///
///   gy, gh, gc  of y, last h, last c; gh and gc (batch, n) become the gradients with respect to hx and cx
extern Kernel<Array(const Array& gates, const Array& c, const Array& cx, const Array& W, const Array& gy,
                    const Array& gh, const Array& gc, const LstmSteps& steps)>
    lstm_steps_grad;

/// What a library's own layer returns, and what it keeps for its gradient: no arrays if it does not take the layer.
struct LstmLayer {
  Array y, h, c;            ///< (S, n), last h and last c (batch, n)
  Array weights, reserved;  ///< bytes, in the library's own order
};
/// The whole layer from x (S, in), W_x (4 n, in), W_h (4 n, n) and b (4 n) in blocks a, i, f, o, the first step first;
/// every sequence has a step. `training`: a gradient will be asked for.
extern Kernel<LstmLayer(const Array& x, const Array& W_x, const Array& W_h, const Array& b, const Array& hx,
                        const Array& cx, const std::vector<std::int64_t>& rows, bool training)>
    lstm_layer;

struct LstmLayerGrad {
  Array gx, gW_x, gW_h, gb, ghx, gcx;
};
/// From the gradients of `made`'s y, h and c, all of them arrays.
extern Kernel<LstmLayerGrad(const Array& gy, const Array& gh, const Array& gc, const LstmLayer& made, const Array& x,
                            const Array& hx, const Array& cx, const std::vector<std::int64_t>& rows)>
    lstm_layer_grad;

/// h before each row's step (S, n): y of the step before it, or hx.
extern Kernel<Array(const Array& y, const Array& hx, const LstmSteps& steps)> lstm_states_before;

}  // namespace rensa::kernels
