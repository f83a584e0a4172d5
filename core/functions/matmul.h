#pragma once

#include "core/autograd/variable.h"

namespace rensa::functions {

/// The matrix product op(a) op(b), where op transposes if asked: (m, k) times (k, n) is (m, n). float32 or float64.
/// Throws ShapeError unless both are matrices that fit, DtypeError if the dtypes differ.
Variable matmul(const Variable& a, const Variable& b, bool transpose_a = false, bool transpose_b = false);

/// The same, computed into `destination` (m, n) if that is an array: how the gradient of a weight comes to lie in its place.
Variable matmul_into(const Array& destination, const Variable& a, const Variable& b, bool transpose_a = false,
                     bool transpose_b = false);

}  // namespace rensa::functions
