#pragma once

#include "core/autograd/variable.h"

namespace rensa::functions {

/// Element by element, float32 and float64; angles in radians. tanh is in activation.h.
/// @{
Variable sin(const Variable& x);
Variable cos(const Variable& x);
Variable tan(const Variable& x);
Variable arcsin(const Variable& x);
Variable arccos(const Variable& x);
Variable arctan(const Variable& x);
Variable sinh(const Variable& x);
Variable cosh(const Variable& x);
Variable arcsinh(const Variable& x);
Variable arccosh(const Variable& x);
Variable arctanh(const Variable& x);
/// @}
/// The angle of the point (x2, x1), in (-pi, pi]; broadcast. Its gradient at (0, 0) is not a number.
Variable arctan2(const Variable& x1, const Variable& x2);

}  // namespace rensa::functions
