#pragma once

#include <array>

#include "core/kernels/kernel.h"

namespace rensa::kernels {

/// The numbers that a formula depends on, such as a slope; what it does not use is not read.
using Constants = std::array<double, 2>;

/// An element-wise formula f with its derivatives, in any floating dtype. Order 0 is f(x), and gy is no array; above it
/// is gy × the order-th derivative of f at x, where gy has x's shape. The formula is written once (formulas/); its
/// derivatives come out of it (formulas/dual.h).
using Differentiable = Kernel<Array(const Array& x, const Array& gy, int order, const Constants& constants)>;

inline constexpr int kMostDerivatives = 3;

}  // namespace rensa::kernels
