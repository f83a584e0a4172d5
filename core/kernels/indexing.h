#pragma once

#include "core/kernels/kernel.h"

namespace rensa::kernels {

// Positions are int64 and contiguous; a negative one means "nowhere": it reads 0 and takes nothing in.

/// y[i] = x[positions[i]], where x's elements are numbered in row-major order. x is contiguous, of any dtype; y has the
/// shape of positions.
extern Kernel<Array(const Array& x, const Array& positions)> gather;
/// The adjoint: zeros of `shape` with gy[i] added at positions[i], in the order of i. gy is contiguous, float32 or
/// float64.
extern Kernel<Array(const Array& gy, const Array& positions, const Shape& shape)> scatter_add;

/// Rows: x (outer, n, inner) and positions (m) in [0, n) give (outer, m, inner). Contiguous, any dtype.
extern Kernel<Array(const Array& x, const Array& positions)> take_rows;
/// The adjoint: zeros (outer, n, inner) with gy (outer, m, inner) added at the positions, in their order.
extern Kernel<Array(const Array& gy, const Array& positions, std::int64_t n)> add_rows;

/// a where the condition (bool) holds, b elsewhere; all of one shape, a and b of one dtype, any strides.
extern Kernel<Array(const Array& condition, const Array& a, const Array& b)> where;

enum class Comparison { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };
/// Element by element, bool; equal shapes and dtypes, any strides.
extern Kernel<Array(const Array& a, const Array& b, Comparison comparison)> compare;

}  // namespace rensa::kernels
