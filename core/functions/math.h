#pragma once

#include "core/autograd/variable.h"

namespace rensa::functions {

// Element by element, float32 and float64.

Variable exp(const Variable& x);       ///< e to the power x
Variable log(const Variable& x);       ///< the natural logarithm
Variable sqrt(const Variable& x);      ///< the square root
Variable square(const Variable& x);    ///< x²
Variable abs(const Variable& x);       ///< its gradient at 0 is 0
Variable absolute(const Variable& x);  ///< the same
Variable expm1(const Variable& x);     ///< exp(x) - 1, exact near 0
Variable log1p(const Variable& x);     ///< log(1 + x), exact near 0
Variable log2(const Variable& x);      ///< the logarithm to base 2
Variable log10(const Variable& x);     ///< the logarithm to base 10
Variable rsqrt(const Variable& x);     ///< 1 / sqrt(x)

// Steps, whose gradient is 0.

Variable floor(const Variable& x);  ///< the largest whole number that is not above x
Variable ceil(const Variable& x);   ///< the smallest whole number that is not below x
Variable fix(const Variable& x);    ///< towards 0
Variable sign(const Variable& x);   ///< -1, 0 or 1

/// The remainder of x / divisor with x's sign, broadcast.
Variable fmod(const Variable& x, const Variable& divisor);
/// The larger of two elements, broadcast. Where they are equal the gradient goes to `a`. Not-a-number in `a` is kept.
Variable maximum(const Variable& a, const Variable& b);
/// The smaller of two elements, broadcast. Where they are equal the gradient goes to `a`.
Variable minimum(const Variable& a, const Variable& b);
/// x brought into [low, high]; the gradient passes where x was inside. Throws ValueError if low > high.
Variable clip(const Variable& x, double low, double high);

}  // namespace rensa::functions
