#pragma once

#include <cmath>

#include "core/kernels/formulas/annotation.h"
#include "core/kernels/formulas/dual.h"

namespace rensa::formulas {

struct Exp {
  template <class T>
  RENSA_FORMULA T operator()(T x) const {
    return std::exp(x);
  }
};
struct Log {
  template <class T>
  RENSA_FORMULA T operator()(T x) const {
    return std::log(x);
  }
};
struct Sqrt {
  template <class T>
  RENSA_FORMULA T operator()(T x) const {
    return std::sqrt(x);
  }
};
struct Abs {
  template <class T>
  RENSA_FORMULA T operator()(T x) const {
    return std::abs(x);
  }
};
/// gy sign(x), 0 at 0.
struct AbsGrad {
  template <class T>
  RENSA_FORMULA T operator()(T x, T gy) const {
    return x > 0 ? gy : x < 0 ? -gy : x == 0 ? T(0) : x;
  }
};

// A number that is none goes through: it must not be hidden.

struct Maximum {
  template <class T>
  RENSA_FORMULA T operator()(T a, T b) const {
    return a >= b || a != a ? a : b;
  }
};
struct Minimum {
  template <class T>
  RENSA_FORMULA T operator()(T a, T b) const {
    return a <= b || a != a ? a : b;
  }
};
/// 1 where a >= b.
struct NotLess {
  template <class T>
  RENSA_FORMULA T operator()(T a, T b) const {
    return a >= b ? T(1) : T(0);
  }
};
struct Clip {
  double low, high;
  template <class T>
  RENSA_FORMULA T operator()(T x) const {
    const T a = static_cast<T>(low), b = static_cast<T>(high);
    return x < a ? a : x > b ? b : x;
  }
};
/// gy where low <= x <= high, else 0.
struct ClipGrad {
  double low, high;
  template <class T>
  RENSA_FORMULA T operator()(T x, T gy) const {
    return x < static_cast<T>(low) || x > static_cast<T>(high) ? T(0) : gy;
  }
};

struct Arctan2 {
  template <class T>
  RENSA_FORMULA T operator()(T a, T b) const {
    return std::atan2(a, b);
  }
};
struct Fmod {
  template <class T>
  RENSA_FORMULA T operator()(T a, T b) const {
    return std::fmod(a, b);
  }
};
struct Zeta {
  template <class T>
  RENSA_FORMULA T operator()(T s, T q) const {
    return zeta(s, q);
  }
};

// The formulas below are computed in dual numbers too, which give their derivatives.

struct Sin {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return sin(x);
  }
};
struct Cos {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return cos(x);
  }
};
struct Tan {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return tan(x);
  }
};
struct Arcsin {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return asin(x);
  }
};
struct Arccos {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return acos(x);
  }
};
struct Arctan {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return atan(x);
  }
};
struct Sinh {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return sinh(x);
  }
};
struct Cosh {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return cosh(x);
  }
};
struct Arcsinh {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return asinh(x);
  }
};
struct Arccosh {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return acosh(x);
  }
};
struct Arctanh {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return atanh(x);
  }
};
struct Expm1 {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return expm1(x);
  }
};
struct Log1p {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return log1p(x);
  }
};
struct Log2 {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return log2(x);
  }
};
struct Log10 {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return log10(x);
  }
};
struct Rsqrt {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return T(1.0) / sqrt(x);
  }
};
struct Floor {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return floor(x);
  }
};
struct Ceil {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return ceil(x);
  }
};
struct Fix {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return trunc(x);
  }
};
struct Sign {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return x > T(0.0) ? T(1.0) : x < T(0.0) ? T(-1.0) : x <= T(0.0) ? T(0.0) : x;
  }
};

// Special functions.

struct Erf {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return erf(x);
  }
};
struct Erfc {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return erfc(x);
  }
};
struct Erfcx {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return erfcx(x);
  }
};
struct Erfinv {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return erfinv(x);
  }
};
struct Erfcinv {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return erfcinv(x);
  }
};
struct Ndtr {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return T(0.5) * erfc(-x * T(kSqrtHalf));
  }
};
struct Ndtri {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return -T(1 / kSqrtHalf) * erfcinv(T(2.0) * x);
  }
};
struct Lgamma {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return log_gamma(x);
  }
};
/// The logarithm of the normal distribution function, also where that is too small for a number.
struct LogNdtr {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    if (x > T(-1.0)) return log1p(T(-0.5) * erfc(x * T(kSqrtHalf)));
    return log(T(0.5) * erfcx(-x * T(kSqrtHalf))) - T(0.5) * x * x;
  }
};
struct Polygamma {
  double order;
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return polygamma(static_cast<int>(order), x);
  }
};

}  // namespace rensa::formulas
