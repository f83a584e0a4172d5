#pragma once

#include "core/autograd/variable.h"

namespace rensa::functions {

/// x W^T + b.
///
///   x        (batch, …), float32 or float64; axes after the first `n_batch_axes` are taken as one
///   W        (out, in), where in is the product of those axes
///   b        (out), or none
///   returns  (batch, out), with all batch axes
/// Throws ShapeError that names the shapes if the features differ, DtypeError if the dtypes do.
Variable linear(const Variable& x, const Variable& W, const Variable* b = nullptr, int n_batch_axes = 1);

}  // namespace rensa::functions
