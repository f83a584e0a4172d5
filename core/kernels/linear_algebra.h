#pragma once

#include <array>

#include "core/kernels/kernel.h"

namespace rensa::kernels {

// Of every matrix of a batch, contiguous, float32 and float64. Each throws ValueError that names the first matrix for
// which there is no result.

extern Kernel<Array(const Array& a)> inverse;                ///< (batch, n, n)
extern Kernel<Array(const Array& a)> determinant;            ///< (batch, n, n) gives (batch)
extern Kernel<Array(const Array& a)> cholesky;               ///< the lower factor L, a = L Lᵀ; reads the lower triangle
extern Kernel<Array(const Array& a, const Array& b)> solve;  ///< x of a x = b; a (batch, n, n), b (batch, n, k)

extern Kernel<std::array<Array, 2>(const Array& a)> qr;   ///< q (batch, m, min(m, n)), r (batch, min(m, n), n)
extern Kernel<std::array<Array, 3>(const Array& a)> svd;  ///< u (batch, m, k), s (batch, k), vᵀ (batch, k, n); s falls
/// Of symmetric matrices (the lower triangle is read): w (batch, n) rising, v (batch, n, n) with the vectors as
/// columns.
extern Kernel<std::array<Array, 2>(const Array& a)> eigh;

}  // namespace rensa::kernels
