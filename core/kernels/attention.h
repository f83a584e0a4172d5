#pragma once

#include <array>

#include "core/kernels/kernel.h"

namespace rensa::kernels {

struct AttentionOptions {
  double scale = 1;
  bool causal = false;  ///< query i of M sees the keys up to i + L - M
};

// Queries (batch, heads, M, D), keys (batch, heads, L, D), values (batch, heads, L, E), with any strides, float32 and
// float64; `bias` (1 or batch · heads, 1 or M, L), contiguous, is added to the scores, or no array; -infinity hides a
// key. Memory grows with L, not with M L.

/// {y (batch, heads, M, E), log of the sum of each query's exponentials (batch · heads, M), for attention_grad: in
/// float64, or in float32 where the device's fused kernel gave it}; a query that sees no key gives 0. On the CPU y and
/// the gradients lie as (batch, M, heads, E), so that nothing is copied when the heads are joined again.
extern Kernel<std::array<Array, 2>(const Array& q, const Array& k, const Array& v, const Array& bias,
                                   const AttentionOptions& options)>
    attention;
/// {gq, gk, gv}.
extern Kernel<std::array<Array, 3>(const Array& gy, const Array& y, const Array& log_sum, const Array& q,
                                   const Array& k, const Array& v, const Array& bias, const AttentionOptions& options)>
    attention_grad;

}  // namespace rensa::kernels
