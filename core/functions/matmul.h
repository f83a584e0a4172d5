#pragma once

#include "core/autograd/variable.h"

namespace rensa::functions {

/// The matrix product op(a) op(b), where op transposes the last two axes if asked: (m, k) times (k, n) is (m, n).
/// float32 or float64. More axes before them are batches and broadcast; a vector (k) is a row on the left, a column on
/// the right, and its axis goes from the result, as in NumPy. Throws ShapeError unless both fit, DtypeError if the
/// dtypes differ.
Variable matmul(const Variable& a, const Variable& b, bool transpose_a = false, bool transpose_b = false);

/// The same for matrices, computed into `destination` (m, n) if that is an array: how the gradient of a weight comes to
/// lie in its place.
Variable matmul_into(const Array& destination, const Variable& a, const Variable& b, bool transpose_a = false,
                     bool transpose_b = false);

/// matmul of (batch, m, k) and (batch, k, n), Chainer's name; (batch, m) counts as (batch, m, 1).
Variable batch_matmul(const Variable& a, const Variable& b, bool transpose_a = false, bool transpose_b = false);

/// The sum over axes_a of a times axes_b of b, in that order; the result has the other axes of a, then those of b.
/// Throws ShapeError if the summed axes differ in size.
Variable tensordot(const Variable& a, const Variable& b, const Dims& axes_a, const Dims& axes_b);
/// The same over the last `axes` axes of a and the first ones of b.
Variable tensordot(const Variable& a, const Variable& b, int axes = 2);

}  // namespace rensa::functions
