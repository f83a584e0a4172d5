#pragma once

#include <utility>

#include "core/autograd/variable.h"

namespace rensa::functions {

// Small formulas made of other functions, under Chainer's names.

/// x plus (times) y, whose axes are those of x from `axis` on: bias(x (a, b, c), y (b), 1).
Variable bias(const Variable& x, const Variable& y, int axis = 1);
Variable scale(const Variable& x, const Variable& y, int axis = 1);  ///< the same product: scale(x (a, b, c), y (b), 1)

/// What it is given.
/// @{
Variable identity(const Variable& x);
Variables identity(const Variables& xs);
/// @}

/// x, y and p broadcast: p x + (1 - p) y.
Variable linear_interpolate(const Variable& p, const Variable& x, const Variable& y);

/// The sum of x² over all axes but the first: (batch).
Variable batch_l2_norm_squared(const Variable& x);

/// Fourier's transform along the last axis of real + i imaginary: {real, imaginary}. By the defining sum, O(n²) a line.
std::pair<Variable, Variable> fft(const Variable& real, const Variable& imaginary);
/// The inverse of fft(), divided by the length.
std::pair<Variable, Variable> ifft(const Variable& real, const Variable& imaginary);

}  // namespace rensa::functions
