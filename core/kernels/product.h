#pragma once

#include "core/kernels/kernel.h"

namespace rensa::kernels {

/// The matrix product a b of a (m, k) and b (k, n), floats of any size. A transposed view costs nothing: BLAS and
/// oneDNN read it as it lies; other strides are copied first. Written to `destination` (m, n), contiguous, if that is
/// an array.
extern Kernel<Array(const Array& a, const Array& b, const Array& destination)> product;

/// x W^T + b of x (batch, in), W (out, in), b (out) or no array: one product that starts from the bias.
extern Kernel<Array(const Array& x, const Array& W, const Array& b)> linear;

/// The matrix products of a (batch, m, k) and b (batch, k, n), any strides.
extern Kernel<Array(const Array& a, const Array& b)> batch_product;

}  // namespace rensa::kernels
