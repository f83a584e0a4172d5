#pragma once

#include "core/autograd/variable.h"

namespace rensa::functions {

// Moves of single elements by number, for the sources of this folder. Positions are int64; a negative one is nowhere:
// it reads 0 and takes nothing in. The two are each other's gradient.

/// y[i] = x[positions[i]] with x's elements numbered in row-major order; y has the shape of positions. `name` is the
/// operation's, for the graph.
Variable take_positions(const char* name, const Variable& x, const Array& positions);
/// Zeros of `shape` with x[i] added at positions[i].
Variable add_at_positions(const char* name, const Variable& x, const Array& positions, const Shape& shape);

/// Rows of x along `axis`, and zeros along it of `size` with x's rows added: each other's gradient too.
Variable take_rows_at(const Variable& x, const Array& rows, int axis);
/// Zeros along `axis` of `size` with x's rows added at `rows`.
Variable add_rows_at(const Variable& x, const Array& rows, int axis, std::int64_t size);

/// The shape x as (outer, n, inner), seen from `axis`, whose size n is.
Shape around(const Shape& x, int axis);

/// For functions that find positions by x's elements, which they look at on the host: throws DeviceError that names
/// them for an array of a GPU.
void check_on_host(const char* name, const Array& x);

/// 0, 1, 2 … in row-major order: what any view of it shows are the positions of that view's elements.
Array numbered(const Shape& shape);

}  // namespace rensa::functions
