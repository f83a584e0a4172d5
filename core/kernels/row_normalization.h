#pragma once

#include <array>

#include "core/kernels/kernel.h"

namespace rensa::kernels {

// Rows of x (rows, n), contiguous, float32 and float64: xhat = (x - mean) inv_std, where the mean is 0 without `centre`
// and inv_std is 1 / sqrt(mean of the squares of x - mean, + eps). gamma and beta are (n), or no array. Statistics are
// float64 (rows).

/// {y = xhat gamma + beta, mean, inv_std}.
extern Kernel<std::array<Array, 3>(const Array& x, const Array& gamma, const Array& beta, double eps, bool centre)>
    row_normalization;
/// {gx, ggamma, gbeta}; the last two in x's dtype.
extern Kernel<std::array<Array, 3>(const Array& gy, const Array& x, const Array& gamma, const Array& mean,
                                   const Array& inv_std, bool centre)>
    row_normalization_grad;

}  // namespace rensa::kernels
