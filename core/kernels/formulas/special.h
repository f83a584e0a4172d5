#pragma once

#include <cmath>
#include <cstddef>

#include "core/kernels/formulas/annotation.h"

namespace rensa::formulas {

// Special functions that the standard library lacks, for float and double. float is computed in double.

using std::acos, std::acosh, std::asin, std::asinh, std::atan, std::atanh, std::ceil, std::cos, std::cosh, std::erf,
    std::erfc, std::exp, std::expm1, std::floor, std::log, std::log10, std::log1p, std::log2, std::sin, std::sinh,
    std::sqrt, std::tan, std::tanh, std::trunc;

inline constexpr double kTwoOverSqrtPi = 1.12837916709551257390;
inline constexpr double kSqrtHalf = 0.70710678118654752440;
inline constexpr double kPi = 3.14159265358979323846;
inline constexpr double kLog2 = 0.69314718055994530942;
inline constexpr double kLog10 = 2.30258509299404568402;

/// a[0] + a[1] x + a[2] x² + …
template <std::size_t N>
RENSA_FORMULA double polynomial(const double (&a)[N], double x) {
  double sum = a[N - 1];
  for (std::size_t i = N - 1; i-- > 0;) sum = sum * x + a[i];
  return sum;
}

/// log |Γ(x)|. Not std::lgamma, which writes a global variable on the host.
RENSA_FORMULA inline double log_gamma(double x) {
#if defined(__CUDA_ARCH__)
  return ::lgamma(x);
#else
  int sign = 0;
  return ::lgamma_r(x, &sign);
#endif
}
RENSA_FORMULA inline float log_gamma(float x) { return static_cast<float>(log_gamma(static_cast<double>(x))); }

/// zeta() for q >= -10, by Euler's and Maclaurin's summation. Source: NIST Handbook of Mathematical Functions (2010),
/// 2.10.1.
RENSA_FORMULA inline double zeta_by_summation(double s, double q) {
  // Bernoulli numbers B_2j / (2j)!
  constexpr double kTerms[] = {1.0 / 12,          -1.0 / 720,
                               1.0 / 30240,       -1.0 / 1209600,
                               1.0 / 47900160,    -691.0 / 1307674368000,
                               1.0 / 74724249600, -3617.0 / 10670622842880000};
  double sum = 0;
  for (int k = 0; k < 10 || q < 10; ++k, q += 1) sum += std::pow(q, -s);
  sum += std::pow(q, 1 - s) / (s - 1) + std::pow(q, -s) / 2;
  double factor = s * std::pow(q, -s - 1);
  for (int j = 0; j < 8; ++j) {
    sum += kTerms[j] * factor;
    factor *= (s + 2 * j + 1) * (s + 2 * j + 2) / (q * q);
  }
  return sum;
}
/// Hurwitz's zeta function, the sum of (q + k)^-s over k >= 0, for s > 1. Infinite at its poles, where q is 0, -1, -2
/// …; not-a-number for -infinity and for the powers of negative numbers that are.
RENSA_FORMULA inline double zeta(double s, double q) {
  if (!(q < -10)) return zeta_by_summation(s, q);
  if (q == -INFINITY) return NAN;
  if (q == std::floor(q)) return INFINITY;
  if (s != std::floor(s)) return NAN;
  // Far below 0 there are too many terms to add. With the fraction f of q, the positive bases are f, f + 1 … and the
  // negative ones f - 1, f - 2 … down to q: those from 1 - f on, without those from 1 - q on.
  const double f = q - std::floor(q);
  const double negative = zeta_by_summation(s, 1 - f) - zeta_by_summation(s, 1 - q);
  return zeta_by_summation(s, f) + (std::fmod(s, 2) == 0 ? negative : -negative);
}
RENSA_FORMULA inline float zeta(float s, float q) {
  return static_cast<float>(zeta(static_cast<double>(s), static_cast<double>(q)));
}

/// The derivative of log Γ.
RENSA_FORMULA inline double digamma(double x) {
  if (x <= 0) {
    if (x == std::floor(x)) return x == 0 ? std::copysign(INFINITY, -x) : NAN;
    return digamma(1 - x) - kPi / std::tan(kPi * x);
  }
  double sum = 0;
  for (; x < 10; x += 1) sum -= 1 / x;
  constexpr double kTerms[] = {-1.0 / 12, 1.0 / 120, -1.0 / 252, 1.0 / 240, -1.0 / 132, 691.0 / 32760, -1.0 / 12};
  return sum + std::log(x) - 1 / (2 * x) + polynomial(kTerms, 1 / (x * x)) / (x * x);
}

/// The derivative of order `order` of digamma; poles at 0, -1, -2 …
RENSA_FORMULA inline double polygamma(int order, double x) {
  if (order == 0) return digamma(x);
  double factorial = 1;
  for (int i = 2; i <= order; ++i) factorial *= i;
  return (order % 2 ? factorial : -factorial) * zeta(order + 1, x);
}
RENSA_FORMULA inline float polygamma(int order, float x) {
  return static_cast<float>(polygamma(order, static_cast<double>(x)));
}

/// The normal quantile of p, given q = p - 1/2 and the smaller tail min(p, 1 - p), neither of which is rounded then.
/// Source: Wichura, "Algorithm AS 241: The percentage points of the normal distribution", 1988.
RENSA_FORMULA inline double normal_quantile(double q, double tail) {
  constexpr double kA[] = {3.3871328727963666080e0,  1.3314166789178437745e+2, 1.9715909503065514427e+3,
                           1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
                           3.3430575583588128105e+4, 2.5090809287301226727e+3};
  constexpr double kB[] = {1.0,
                           4.2313330701600911252e+1,
                           6.8718700749205790830e+2,
                           5.3941960214247511077e+3,
                           2.1213794301586595867e+4,
                           3.9307895800092710610e+4,
                           2.8729085735721942674e+4,
                           5.2264952788528545610e+3};
  constexpr double kC[] = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                           3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                           2.27238449892691845833e-2, 7.74545014278341407640e-4};
  constexpr double kD[] = {1.0,
                           2.05319162663775882187e0,
                           1.67638483018380384940e0,
                           6.89767334985100004550e-1,
                           1.48103976427480074590e-1,
                           1.51986665636164571966e-2,
                           5.47593808499534494600e-4,
                           1.05075007164441684324e-9};
  constexpr double kE[] = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                           2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                           2.71155556874348757815e-5, 2.01033439929228813265e-7};
  constexpr double kF[] = {1.0,
                           5.99832206555887937690e-1,
                           1.36929880922735805310e-1,
                           1.48753612908506148525e-2,
                           7.86869131145613259100e-4,
                           1.84631831751005468180e-5,
                           1.42151175831644588870e-7,
                           2.04426310338993978564e-15};
  if (!(tail >= 0)) return NAN;
  if (tail == 0) return std::copysign(INFINITY, q);
  if (std::abs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * polynomial(kA, r) / polynomial(kB, r);
  }
  const double r = std::sqrt(-std::log(tail));
  const double size =
      r <= 5 ? polynomial(kC, r - 1.6) / polynomial(kD, r - 1.6) : polynomial(kE, r - 5) / polynomial(kF, r - 5);
  return std::copysign(size, q);
}

/// The inverse of erf on (-1, 1), and of erfc on (0, 2).
RENSA_FORMULA inline double erfinv(double y) { return kSqrtHalf * normal_quantile(y / 2, (1 - std::abs(y)) / 2); }
RENSA_FORMULA inline double erfcinv(double y) {
  return -kSqrtHalf * normal_quantile((y - 1) / 2, (y < 1 ? y : 2 - y) / 2);
}
RENSA_FORMULA inline float erfinv(float y) { return static_cast<float>(erfinv(static_cast<double>(y))); }
RENSA_FORMULA inline float erfcinv(float y) { return static_cast<float>(erfcinv(static_cast<double>(y))); }

/// exp(x²) erfc(x), which does not overflow for large x: a continued fraction there.
/// Source: NIST Handbook of Mathematical Functions (2010), 7.9.2.
RENSA_FORMULA inline double erfcx(double x) {
  if (x < 3) return std::exp(x * x) * std::erfc(x);
  double fraction = x;
  for (int k = 60; k >= 1; --k) fraction = x + k / 2.0 / fraction;
  return kTwoOverSqrtPi / 2 / fraction;
}
RENSA_FORMULA inline float erfcx(float x) { return static_cast<float>(erfcx(static_cast<double>(x))); }

}  // namespace rensa::formulas
