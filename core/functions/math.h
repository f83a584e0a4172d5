#pragma once

#include "core/autograd/variable.h"

namespace rensa::functions {

// Element by element, float32 and float64.

Variable exp(const Variable& x);
Variable log(const Variable& x);
Variable sqrt(const Variable& x);
Variable square(const Variable& x);
Variable abs(const Variable& x);  ///< its gradient at 0 is 0
/// The larger of two elements, broadcast. Where they are equal the gradient goes to `a`. Not-a-number in `a` is kept.
Variable maximum(const Variable& a, const Variable& b);
/// The smaller of two elements, broadcast. Where they are equal the gradient goes to `a`.
Variable minimum(const Variable& a, const Variable& b);
/// x brought into [low, high]; the gradient passes where x was inside. Throws ValueError if low > high.
Variable clip(const Variable& x, double low, double high);

}  // namespace rensa::functions
