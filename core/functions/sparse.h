#pragma once

#include "core/autograd/variable.h"

namespace rensa::functions {

/// A matrix as the list of its elements: data (count), row and col (count, int32 or int64). Elements of one place add
/// up.
struct CooMatrix {
  Variable data;
  Array row, col;
  Shape shape;  ///< (m, n)
};
/// The elements of x (m, n) that are not zero. They depend on x: gradients go back to it.
CooMatrix to_coo(const Variable& x);

/// The matrix product op(a) op(b) with a sparse operand, differentiable in its data and in the dense one. Throws
/// ShapeError, IndexError.
Variable sparse_matmul(const CooMatrix& a, const Variable& b, bool transpose_a = false, bool transpose_b = false);
/// The same with the sparse operand second.
Variable sparse_matmul(const Variable& a, const CooMatrix& b, bool transpose_a = false, bool transpose_b = false);

}  // namespace rensa::functions
