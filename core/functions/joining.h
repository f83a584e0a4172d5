#pragma once

#include <optional>
#include <vector>

#include "core/autograd/variable.h"

namespace rensa::functions {

// What joins several arrays and takes them apart again. concat and split_axis into equal parts are in shape.h. Each
// throws ShapeError if the shapes do not fit, ValueError for no arrays at all.

/// Equal shapes next to each other along a new axis.
Variable stack(const Variables& xs, int axis = 0);
/// x without `axis`, once for each of its positions: the inverse of stack.
Variables separate(const Variable& x, int axis = 0);

Variable hstack(const Variables& xs);  ///< along axis 1, of one-dimensional arrays along axis 0
Variable vstack(const Variables& xs);  ///< along axis 0; (n) counts as (1, n)
Variable dstack(const Variables& xs);  ///< along axis 2; (n) counts as (1, n, 1), (m, n) as (m, n, 1)

/// Cut before each position: {2, 5} gives [0, 2), [2, 5) and the rest.
Variables split_axis(const Variable& x, const std::vector<std::int64_t>& positions, int axis);

/// All of them in the shape that NumPy broadcasts them to.
Variables broadcast(const Variables& xs);

/// Arrays (length, …) of different lengths as one (count, longest, …), filled up with `padding`. `length` may ask for
/// more.
Variable pad_sequence(const Variables& xs, std::optional<std::int64_t> length = std::nullopt, double padding = 0);

/// Sequences (length, …) sorted by falling length to time steps: the t-th result has x[t] of every sequence that is
/// long enough, in order. It undoes itself. Throws ValueError if a sequence is longer than the one before it.
Variables transpose_sequence(const Variables& xs);

}  // namespace rensa::functions
