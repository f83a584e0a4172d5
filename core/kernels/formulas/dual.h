#pragma once

#include <cmath>

#include "core/kernels/formulas/annotation.h"
#include "core/kernels/formulas/special.h"

namespace rensa::formulas {

/// A number with its derivative along one direction. A formula that is computed in dual numbers gives its derivative
/// with its value, and in Dual<Dual<T>> its second one too: formulas are written once, and no derivative by hand.
///
/// Formulas call exp, sin … without std::, so that a dual number finds its own.
/// Source: Griewank, Walther, "Evaluating derivatives" (2008), section 13.2.
template <class T>
struct Dual {
  T value{}, slope{};

  Dual() = default;
  RENSA_FORMULA Dual(const T& v, const T& s) : value(v), slope(s) {}
  RENSA_FORMULA explicit Dual(double number) : value(number), slope(0.0) {}

  RENSA_FORMULA friend Dual operator+(const Dual& a, const Dual& b) { return {a.value + b.value, a.slope + b.slope}; }
  RENSA_FORMULA friend Dual operator-(const Dual& a, const Dual& b) { return {a.value - b.value, a.slope - b.slope}; }
  RENSA_FORMULA friend Dual operator-(const Dual& a) { return {-a.value, -a.slope}; }
  RENSA_FORMULA friend Dual operator*(const Dual& a, const Dual& b) {
    return {a.value * b.value, a.slope * b.value + a.value * b.slope};
  }
  RENSA_FORMULA friend Dual operator/(const Dual& a, const Dual& b) {
    const T quotient = a.value / b.value;
    return {quotient, (a.slope - quotient * b.slope) / b.value};
  }
  RENSA_FORMULA friend bool operator<(const Dual& a, const Dual& b) { return a.value < b.value; }
  RENSA_FORMULA friend bool operator>(const Dual& a, const Dual& b) { return a.value > b.value; }
  RENSA_FORMULA friend bool operator<=(const Dual& a, const Dual& b) { return a.value <= b.value; }
};

// Each is the chain rule: {f(v), f'(v) s}. v may be a dual number itself, so f' is written in functions that are here
// too.

template <class T>
RENSA_FORMULA Dual<T> exp(const Dual<T>& x) {
  const T y = exp(x.value);
  return {y, x.slope * y};
}
template <class T>
RENSA_FORMULA Dual<T> expm1(const Dual<T>& x) {
  return {expm1(x.value), x.slope * exp(x.value)};
}
template <class T>
RENSA_FORMULA Dual<T> log(const Dual<T>& x) {
  return {log(x.value), x.slope / x.value};
}
template <class T>
RENSA_FORMULA Dual<T> log1p(const Dual<T>& x) {
  return {log1p(x.value), x.slope / (T(1.0) + x.value)};
}
template <class T>
RENSA_FORMULA Dual<T> log2(const Dual<T>& x) {
  return {log2(x.value), x.slope / (x.value * T(kLog2))};
}
template <class T>
RENSA_FORMULA Dual<T> log10(const Dual<T>& x) {
  return {log10(x.value), x.slope / (x.value * T(kLog10))};
}
template <class T>
RENSA_FORMULA Dual<T> sqrt(const Dual<T>& x) {
  const T y = sqrt(x.value);
  return {y, x.slope / (T(2.0) * y)};
}
template <class T>
RENSA_FORMULA Dual<T> sin(const Dual<T>& x) {
  return {sin(x.value), x.slope * cos(x.value)};
}
template <class T>
RENSA_FORMULA Dual<T> cos(const Dual<T>& x) {
  return {cos(x.value), -x.slope * sin(x.value)};
}
template <class T>
RENSA_FORMULA Dual<T> tan(const Dual<T>& x) {
  const T y = tan(x.value);
  return {y, x.slope * (T(1.0) + y * y)};
}
template <class T>
RENSA_FORMULA Dual<T> asin(const Dual<T>& x) {
  return {asin(x.value), x.slope / sqrt(T(1.0) - x.value * x.value)};
}
template <class T>
RENSA_FORMULA Dual<T> acos(const Dual<T>& x) {
  return {acos(x.value), -x.slope / sqrt(T(1.0) - x.value * x.value)};
}
template <class T>
RENSA_FORMULA Dual<T> atan(const Dual<T>& x) {
  return {atan(x.value), x.slope / (T(1.0) + x.value * x.value)};
}
template <class T>
RENSA_FORMULA Dual<T> sinh(const Dual<T>& x) {
  return {sinh(x.value), x.slope * cosh(x.value)};
}
template <class T>
RENSA_FORMULA Dual<T> cosh(const Dual<T>& x) {
  return {cosh(x.value), x.slope * sinh(x.value)};
}
template <class T>
RENSA_FORMULA Dual<T> tanh(const Dual<T>& x) {
  const T y = tanh(x.value);
  return {y, x.slope * (T(1.0) - y * y)};
}
template <class T>
RENSA_FORMULA Dual<T> asinh(const Dual<T>& x) {
  return {asinh(x.value), x.slope / sqrt(x.value * x.value + T(1.0))};
}
template <class T>
RENSA_FORMULA Dual<T> acosh(const Dual<T>& x) {
  return {acosh(x.value), x.slope / sqrt(x.value * x.value - T(1.0))};
}
template <class T>
RENSA_FORMULA Dual<T> atanh(const Dual<T>& x) {
  return {atanh(x.value), x.slope / (T(1.0) - x.value * x.value)};
}
template <class T>
RENSA_FORMULA Dual<T> erf(const Dual<T>& x) {
  return {erf(x.value), x.slope * T(kTwoOverSqrtPi) * exp(-x.value * x.value)};
}
template <class T>
RENSA_FORMULA Dual<T> erfc(const Dual<T>& x) {
  return {erfc(x.value), -x.slope * T(kTwoOverSqrtPi) * exp(-x.value * x.value)};
}
template <class T>
RENSA_FORMULA Dual<T> erfcx(const Dual<T>& x) {
  const T y = erfcx(x.value);
  return {y, x.slope * (T(2.0) * x.value * y - T(kTwoOverSqrtPi))};
}
template <class T>
RENSA_FORMULA Dual<T> erfinv(const Dual<T>& x) {
  const T y = erfinv(x.value);
  return {y, x.slope * T(1 / kTwoOverSqrtPi) * exp(y * y)};
}
template <class T>
RENSA_FORMULA Dual<T> erfcinv(const Dual<T>& x) {
  const T y = erfcinv(x.value);
  return {y, -x.slope * T(1 / kTwoOverSqrtPi) * exp(y * y)};
}
template <class T>
RENSA_FORMULA Dual<T> polygamma(int order, const Dual<T>& x) {
  return {polygamma(order, x.value), x.slope * polygamma(order + 1, x.value)};
}
template <class T>
RENSA_FORMULA Dual<T> log_gamma(const Dual<T>& x) {
  return {log_gamma(x.value), x.slope * polygamma(0, x.value)};
}

// Steps: their slope is zero wherever they have one.

template <class T>
RENSA_FORMULA Dual<T> floor(const Dual<T>& x) {
  return {floor(x.value), T(0.0)};
}
template <class T>
RENSA_FORMULA Dual<T> ceil(const Dual<T>& x) {
  return {ceil(x.value), T(0.0)};
}
template <class T>
RENSA_FORMULA Dual<T> trunc(const Dual<T>& x) {
  return {trunc(x.value), T(0.0)};
}

template <class Formula>
struct Slope {
  const Formula& f;
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return f(Dual<T>(x, T(1.0))).slope;
  }
};

/// The derivative of order kOrder of a formula at x.
template <int kOrder, class Formula, class T>
RENSA_FORMULA T derivative(const Formula& f, T x) {
  if constexpr (kOrder == 0) {
    return f(x);
  } else {
    return derivative<kOrder - 1>(Slope<Formula>{f}, x);
  }
}

}  // namespace rensa::formulas
