#pragma once

#include <array>
#include <optional>

#include "core/kernels/attention.h"

namespace rensa::cuda {

// Attention in one kernel of cuDNN's, which keeps the scores on the chip: float16 and bfloat16, no bias, causal with as
// many queries as keys, heads of a multiple of 8 numbers. Nothing is returned where cuDNN has no such kernel; what it
// refused is remembered for each shape, and noted once. RENSA_FUSED_ATTENTION=off leaves it out. Source: Dao,
// "FlashAttention-2: faster attention with better parallelism and work partitioning", 2023.

/// {y, log of the sum of each query's exponentials (batch, M) in float32}.
std::optional<std::array<Array, 2>> fused_attention(const Array& q, const Array& k, const Array& v, const Array& bias,
                                                    const kernels::AttentionOptions& options);
/// {gq, gk, gv} from fused_attention()'s sums. The same bits every time.
std::optional<std::array<Array, 3>> fused_attention_grad(const Array& gy, const Array& y, const Array& log_sums,
                                                         const Array& q, const Array& k, const Array& v,
                                                         const kernels::AttentionOptions& options);

}  // namespace rensa::cuda
