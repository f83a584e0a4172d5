#pragma once

#include "core/kernels/differentiable.h"
#include "core/kernels/kernel.h"

namespace rensa::kernels {

// Element by element, in any floating dtype.

extern Kernel<Array(const Array& x)> exp;
extern Kernel<Array(const Array& x)> log;
extern Kernel<Array(const Array& x)> sqrt;
extern Kernel<Array(const Array& x)> abs;
extern Kernel<Array(const Array& x, const Array& gy)> abs_grad;
extern Kernel<Array(const Array& a, const Array& b)> maximum;
extern Kernel<Array(const Array& a, const Array& b)> minimum;
extern Kernel<Array(const Array& a, const Array& b)> not_less;  ///< 1 where a >= b, else 0
extern Kernel<Array(const Array& x, double low, double high)> clip;
extern Kernel<Array(const Array& x, const Array& gy, double low, double high)> clip_grad;

extern Kernel<Array(const Array& a, const Array& b)> arctan2;
extern Kernel<Array(const Array& a, const Array& b)> fmod;  ///< with a's sign
extern Kernel<Array(const Array& s, const Array& q)> zeta;  ///< Hurwitz's

extern Differentiable sin, cos, tan, arcsin, arccos, arctan, sinh, cosh, arcsinh, arccosh, arctanh;
extern Differentiable expm1, log1p, log2, log10, rsqrt;
extern Differentiable floor, ceil, fix, sign;
extern Differentiable erf, erfc, erfcx, erfinv, erfcinv, ndtr, ndtri, log_ndtr, lgamma;
extern Differentiable polygamma;  ///< constants: the order

}  // namespace rensa::kernels
