#pragma once

#include "core/autograd/variable.h"

namespace rensa {
namespace functions {

/// Element by element, with NumPy's broadcasting, in a floating dtype; operands of different ones are converted to the
/// one that both promote to (core/array/dtype.h), and their gradients back. A number is rounded to the operand's dtype.
/// Throws ShapeError if the shapes do not fit each other.
/// @{
Variable add(const Variable& a, const Variable& b);
Variable add(const Variable& x, double number);
Variable sub(const Variable& a, const Variable& b);
Variable mul(const Variable& a, const Variable& b);
Variable mul(const Variable& x, double number);
Variable div(const Variable& a, const Variable& b);
Variable div(const Variable& x, double number);
Variable div(double number, const Variable& x);
Variable neg(const Variable& x);
/// @}
/// a to the power b. With respect to b the gradient exists for a > 0 only.
Variable pow(const Variable& a, const Variable& b);
Variable pow(const Variable& x, double exponent);     ///< x to a power that is no variable
Variable pow(double base, const Variable& exponent);  ///< a number to the power of a variable

}  // namespace functions

/// The functions above, as operators.
/// @{
inline Variable operator+(const Variable& a, const Variable& b) { return functions::add(a, b); }
inline Variable operator+(const Variable& a, double b) { return functions::add(a, b); }
inline Variable operator+(double a, const Variable& b) { return functions::add(b, a); }
inline Variable operator-(const Variable& a, const Variable& b) { return functions::sub(a, b); }
inline Variable operator-(const Variable& a, double b) { return functions::add(a, -b); }
inline Variable operator-(double a, const Variable& b) { return functions::add(functions::neg(b), a); }
inline Variable operator*(const Variable& a, const Variable& b) { return functions::mul(a, b); }
inline Variable operator*(const Variable& a, double b) { return functions::mul(a, b); }
inline Variable operator*(double a, const Variable& b) { return functions::mul(b, a); }
inline Variable operator/(const Variable& a, const Variable& b) { return functions::div(a, b); }
inline Variable operator/(const Variable& a, double b) { return functions::div(a, b); }
inline Variable operator/(double a, const Variable& b) { return functions::div(a, b); }
inline Variable operator-(const Variable& x) { return functions::neg(x); }
/// @}

}  // namespace rensa
