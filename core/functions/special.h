#pragma once

#include "core/autograd/variable.h"

namespace rensa::functions {

// Special functions, element by element, float32 and float64.

Variable erf(const Variable& x);      ///< the error function: 2 / √π times the integral of exp(-u²) from 0 to x
Variable erfc(const Variable& x);     ///< 1 - erf(x)
Variable erfcx(const Variable& x);    ///< exp(x²) erfc(x)
Variable erfinv(const Variable& x);   ///< the inverse of erf; x in (-1, 1)
Variable erfcinv(const Variable& x);  ///< the inverse of erfc; x in (0, 2)

Variable ndtr(const Variable& x);      ///< the normal distribution function
Variable ndtri(const Variable& x);     ///< its inverse, the normal quantile; x in (0, 1)
Variable log_ndtr(const Variable& x);  ///< log(ndtr(x)), also far below 0

Variable lgamma(const Variable& x);   ///< log |gamma(x)|
Variable digamma(const Variable& x);  ///< the derivative of lgamma
/// The derivative of digamma of order n. Throws ValueError if n is negative.
Variable polygamma(int n, const Variable& x);
/// Hurwitz's zeta function: the sum of (q + k)^-x over k >= 0, for x > 1; broadcast. Differentiable with respect to q
/// alone: a gradient for x is refused with a GraphError.
Variable zeta(const Variable& x, const Variable& q);

}  // namespace rensa::functions
