#pragma once

#include <cstdint>
#include <optional>

#include "core/autograd/variable.h"

namespace rensa::functions {

/// Options of scaled_dot_product_attention(); queries (…, M, D), keys (…, L, D).
struct AttentionOptions {
  std::optional<double> scale = std::nullopt;  ///< none: 1 / sqrt(D)
  bool causal = false;                         ///< a query sees the keys up to its own place, counted from the end
  Array bias = {};  ///< added to the scores; broadcasts to (…, M, L); -infinity hides a key from a query
  /// How many keys each of the first axis has, int32 or int64, on q's device or the host; the others are padding.
  Array lengths = {};
};
/// softmax(scale q kᵀ + bias) v for each query.
///
///   q        (…, M, D), float32 or float64
///   k, v     (…, L, D), (…, L, E), with q's axes before the last two
///   returns  (…, M, E); a query that sees no key gives 0
/// Forward and backward keep O(L) scores, not O(M L). The gradient's gradient keeps them all. Throws ShapeError,
/// DtypeError. Source: Vaswani et al., "Attention is all you need", 2017; Rabe, Staats, "Self-attention does not need
/// O(n²) memory", 2021.
Variable scaled_dot_product_attention(const Variable& q, const Variable& k, const Variable& v,
                                      const AttentionOptions& options = {});

/// Which numbers rotary_embedding() turns together.
enum class RotaryPairs { kHalves, kNeighbours };
/// Rotary position embedding: x (…, L, D) with each pair of numbers of position p turned by the angle p base^(-2 i /
/// D). Pairs are (i, i + D / 2), or (2 i, 2 i + 1). The first position is `start`. Throws ShapeError unless D is even.
/// Source: Su et al., "RoFormer: enhanced transformer with rotary position embedding", 2021.
Variable rotary_embedding(const Variable& x, double base = 10000, std::int64_t start = 0,
                          RotaryPairs pairs = RotaryPairs::kHalves);

}  // namespace rensa::functions
