#pragma once

#include <array>

#include "core/autograd/variable.h"

namespace rensa::functions {

// Matrices (…, n, n), float32 and float64, through LAPACK. Each throws ShapeError unless the last two axes are a
// (square) matrix and ValueError that names the first matrix of the batch that has no result.

Variable inv(const Variable& a);        ///< the inverse of (…, n, n)
Variable batch_inv(const Variable& a);  ///< of (batch, n, n)
Variable det(const Variable& a);        ///< (…); where it is 0 there is no gradient: ValueError
Variable batch_det(const Variable& a);  ///< of (batch, n, n)
/// The lower factor L of a symmetric positive definite matrix, a = L Lᵀ; its gradient is symmetric.
/// Source: Murray, "Differentiation of the Cholesky decomposition", 2016.
Variable cholesky(const Variable& a);
/// x of a x = b, where b is (…, n, k).
Variable solve(const Variable& a, const Variable& b);

// Without a gradient.

/// Factors of qr().
struct Qr {
  Array q, r;
};
Qr qr(const Array& a);  ///< a = q r: (…, m, k) and (…, k, n), k = min(m, n)
/// Factors of svd().
struct Svd {
  Array u, s, vt;
};
Svd svd(const Array& a);  ///< a = u diag(s) vᵀ: (…, m, k), (…, k), (…, k, n); s falls
/// Results of eigh().
struct Eigh {
  Array w, v;
};
Eigh eigh(const Array& a);  ///< of symmetric matrices: values (…, n) rising, vectors as the columns of v (…, n, n)

}  // namespace rensa::functions
