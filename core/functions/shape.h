#pragma once

#include <cstdint>

#include "core/autograd/variable.h"

namespace rensa::functions {

// Functions that move elements and compute nothing. Where strides allow, the result shares its elements with x: neither
// is to be written to while the other is in use. Negative axes count from the end.

/// The same elements in row-major order under another shape; one size may be -1. Throws ShapeError if the counts
/// differ.
Variable reshape(const Variable& x, const Shape& shape);

/// Axes reversed: (a, b, c) becomes (c, b, a).
Variable transpose(const Variable& x);
/// Axis i of the result is axis axes[i] of x. Throws ShapeError if `axes` is not an order of x's axes.
Variable transpose(const Variable& x, const Dims& axes);

/// A new axis of size 1 at `axis` of the result.
Variable expand_dims(const Variable& x, int axis);
/// Without `axis`, whose size must be 1.
Variable squeeze(const Variable& x, int axis);
/// Without any axis of size 1.
Variable squeeze(const Variable& x);

/// Every step-th position of one axis, as Python's x[start:stop:step] on that axis.
Variable slice(const Variable& x, int axis, const Slice& slice);
/// One position of one axis; the axis goes. Throws IndexError.
Variable select(const Variable& x, int axis, std::int64_t index);

/// One after the other along `axis`. Throws ShapeError if another axis differs, DtypeError if the dtypes do.
Variable concat(const Variables& xs, int axis = 1);
/// `sections` equal parts along `axis`. Throws ShapeError if the axis cannot be cut evenly.
Variables split_axis(const Variable& x, int sections, int axis);

/// Converted to a floating dtype; the gradient is converted back.
Variable cast(const Variable& x, Dtype dtype);

}  // namespace rensa::functions
