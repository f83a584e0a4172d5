#include "core/kernels/cpu/vector_math.h"

#include <cmath>
#include <cstddef>
#include <limits>

// Highway compiles the code below once per instruction set by including this file again.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/vector_math.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <hwy/contrib/math/math-inl.h>

#include "core/kernels/cpu/vector_parts-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rensa::cpu::HWY_NAMESPACE {

void Exp(const float* x, float* y, std::int64_t count) {
  map(x, y, count, [](auto d, auto v) HWY_ATTR { return whole_exp(d, v); });
}

void Log(const float* x, float* y, std::int64_t count) {
  map(x, y, count, [](auto d, auto v) HWY_ATTR {
    const auto zero = hn::Zero(d);
    auto result = hn::Log(d, v);
    result = hn::IfThenElse(hn::Eq(v, zero), hn::Neg(hn::Inf(d)), result);
    result = hn::IfThenElse(hn::Lt(v, zero), hn::NaN(d), result);
    result = hn::IfThenElse(hn::Eq(v, hn::Inf(d)), v, result);
    return hn::IfThenElse(hn::IsNaN(v), v, result);
  });
}

/// sigmoid(x) = e / (1 + e) below 0 and 1 / (1 + e) above, e = exp(-|x|).
template <class D, class V>
HWY_INLINE V sigmoid_of(D d, V x) {
  const V one = hn::Set(d, 1.0f), e = whole_exp(d, hn::Neg(hn::Abs(x)));
  return hn::Div(hn::IfThenElse(hn::Lt(x, hn::Zero(d)), e, one), hn::Add(one, e));
}

void Sigmoid(const float* x, float* y, std::int64_t count) {
  map(x, y, count, [](auto d, auto v) HWY_ATTR { return sigmoid_of(d, v); });
}

void Tanh(const float* x, float* y, std::int64_t count) {
  map(x, y, count, [](auto d, auto v) HWY_ATTR {
    const auto limit = hn::Set(d, 20.0f);  // where tanh is 1 in float
    const auto inside = hn::Min(hn::Max(v, hn::Neg(limit)), limit);
    return hn::IfThenElse(hn::IsNaN(v), v, hn::Tanh(d, inside));
  });
}

/// The normal distribution at x: its function and its density.
template <class V>
struct Normal {
  V function, density;
};

/// exp(-a²/2) with a² in two parts, so that its rounding is not magnified; the tail beyond a = |x| is that times p(q) /
/// (1 + a), q = (a - 3) / (a + 3), p a polynomial that is right to 4e-8. The form: Shepherd, Laframboise, "Chebyshev
/// approximation of (1 + 2x) exp(x²) erfc x in 0 <= x < infinity", 1981.
template <class D, class V>
HWY_INLINE Normal<V> normal_at(D d, V x) {
  const hn::RebindToUnsigned<D> bits;
  const V one = hn::Set(d, 1.0f), half = hn::Set(d, 0.5f), three = hn::Set(d, 3.0f);
  const V most = hn::Set(d, 13.2f), distance = hn::Abs(x), a = hn::Min(distance, most);
  const V high = hn::BitCast(d, hn::And(hn::BitCast(bits, a), hn::Set(bits, 0xFFFFF000u)));
  const V rest = hn::Mul(half, hn::Mul(hn::Sub(a, high), hn::Add(a, high)));  // (a² - high²) / 2, below 0.05
  V correction = hn::NegMulAdd(rest, hn::Set(d, 0.25f), one);
  correction = hn::NegMulAdd(hn::Mul(rest, hn::Set(d, 1.0f / 3)), correction, one);
  correction = hn::NegMulAdd(hn::Mul(rest, half), correction, one);
  correction = hn::NegMulAdd(rest, correction, one);
  const V near = hn::Exp(d, hn::Mul(hn::Set(d, -0.5f), hn::Mul(high, high)));
  // beyond, the tail is below the smallest normal number
  const V e = hn::IfThenElseZero(hn::Le(distance, most), hn::Mul(near, correction));

  constexpr float kTail[] = {0.48605579f,    -0.0965269406f, -0.0164319615f,   0.0451686447f,    -0.0227304784f,
                             0.00112622908f, 0.00299718599f, -0.000259716421f, -0.000447898537f, -6.55673347e-05f};
  const V q = hn::Div(hn::Sub(a, three), hn::Add(a, three));
  V p = hn::Set(d, kTail[9]);
  for (int i = 8; i >= 0; --i) p = hn::MulAdd(p, q, hn::Set(d, kTail[i]));
  const V tail = hn::Div(hn::Mul(e, p), hn::Add(one, a));
  return {hn::IfThenElse(hn::Lt(x, hn::Zero(d)), tail, hn::Sub(one, tail)), hn::Mul(e, hn::Set(d, 0.398942280f))};
}

void Gelu(const float* x, float* y, std::int64_t count) {
  map(x, y, count, [](auto d, auto v) HWY_ATTR { return hn::Mul(v, normal_at(d, v).function); });
}

void GeluGrad(const float* x, const float* gy, float* gx, std::int64_t count) {
  map(x, gy, gx, count, [](auto d, auto v, auto g) HWY_ATTR {
    const auto normal = normal_at(d, v);
    return hn::Mul(g, hn::MulAdd(v, normal.density, normal.function));
  });
}

/// x sigmoid(k(x)), the form of both: k(x) = x, or 2 sqrt(2 / pi) (x + 0.044715 x³), for which it is x (1 + tanh(k /
/// 2)) / 2.
template <class D, class V>
HWY_INLINE V doubled_cubic(D d, V x) {
  const V inner = hn::MulAdd(hn::Mul(hn::Set(d, 0.044715f), x), hn::Mul(x, x), x);
  return hn::Mul(hn::Set(d, 1.59576912f), inner);
}

void GeluTanh(const float* x, float* y, std::int64_t count) {
  map(x, y, count, [](auto d, auto v) HWY_ATTR { return hn::Mul(v, sigmoid_of(d, doubled_cubic(d, v))); });
}

void GeluTanhGrad(const float* x, const float* gy, float* gx, std::int64_t count) {
  map(x, gy, gx, count, [](auto d, auto v, auto g) HWY_ATTR {
    const auto one = hn::Set(d, 1.0f), s = sigmoid_of(d, doubled_cubic(d, v));
    const auto slope = hn::Mul(hn::Set(d, 1.59576912f), hn::MulAdd(hn::Set(d, 3 * 0.044715f), hn::Mul(v, v), one));
    return hn::Mul(g, hn::MulAdd(hn::Mul(hn::Mul(v, slope), s), hn::Sub(one, s), s));
  });
}

void Silu(const float* x, float* y, std::int64_t count) {
  map(x, y, count, [](auto d, auto v) HWY_ATTR { return hn::Mul(v, sigmoid_of(d, v)); });
}

void SiluGrad(const float* x, const float* gy, float* gx, std::int64_t count) {
  map(x, gy, gx, count, [](auto d, auto v, auto g) HWY_ATTR {
    const auto one = hn::Set(d, 1.0f), s = sigmoid_of(d, v);
    return hn::Mul(g, hn::MulAdd(hn::Mul(v, s), hn::Sub(one, s), s));
  });
}

void ExpOfDifference(const float* x, float shift, float* y, std::int64_t count) {
  exp_of_difference(x, shift, y, count);
}

double ExpSum(const float* x, float shift, float* y, std::int64_t count) { return exp_sum(x, shift, y, count); }

/// Four partial results, so that none waits for the one before it.
float Largest(const float* x, std::int64_t count) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  auto a = hn::Neg(hn::Inf(d)), b = a, c = a, e = a;
  auto any_nan = hn::MaskFromVec(hn::Zero(d));
  std::int64_t i = 0;
  const auto take = [&](auto& largest, std::int64_t at) HWY_ATTR {
    const auto v = hn::LoadU(d, x + at);
    any_nan = hn::Or(any_nan, hn::IsNaN(v));
    largest = hn::Max(largest, v);
  };
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    take(a, i);
    take(b, i + lanes);
    take(c, i + 2 * lanes);
    take(e, i + 3 * lanes);
  }
  for (; i + lanes <= count; i += lanes) take(a, i);
  float largest = hn::GetLane(hn::MaxOfLanes(d, hn::Max(hn::Max(a, b), hn::Max(c, e))));
  bool is_nan = !hn::AllFalse(d, any_nan);
  for (; i < count; ++i) {
    is_nan |= x[i] != x[i];
    largest = x[i] > largest ? x[i] : largest;
  }
  return is_nan ? std::numeric_limits<float>::quiet_NaN() : largest;
}

/// Four lines meet before they are added: sums are read and written a fourth as often.
void AddLines(const float* x, std::int64_t lines, std::int64_t line_step, std::int64_t width, double* sums) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<float, decltype(d)> narrow;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto at = [&](const float* line) HWY_ATTR { return hn::PromoteTo(d, hn::LoadU(narrow, line)); };
  std::int64_t j = 0;
  for (; j + 4 <= lines; j += 4) {
    const float *a = x + j * line_step, *b = a + line_step, *c = b + line_step, *e = c + line_step;
    std::int64_t i = 0;
    for (; i + lanes <= width; i += lanes) {
      const auto four = hn::Add(hn::Add(at(a + i), at(b + i)), hn::Add(at(c + i), at(e + i)));
      hn::StoreU(hn::Add(hn::LoadU(d, sums + i), four), d, sums + i);
    }
    for (; i < width; ++i) {
      sums[i] += (static_cast<double>(a[i]) + static_cast<double>(b[i])) +
                 (static_cast<double>(c[i]) + static_cast<double>(e[i]));
    }
  }
  for (; j < lines; ++j) {
    for (std::int64_t i = 0; i < width; ++i) sums[i] += static_cast<double>(x[j * line_step + i]);
  }
}

void NormalizeRows(const float* HWY_RESTRICT x, const float* HWY_RESTRICT gamma, const float* HWY_RESTRICT beta,
                   double eps, bool centre, std::int64_t rows, std::int64_t n, float* HWY_RESTRICT y,
                   double* HWY_RESTRICT means, double* HWY_RESTRICT inverses) {
  const double count = static_cast<double>(n);
  for (std::int64_t r = 0; r < rows; ++r, x += n, y += n) {
    means[r] = centre ? sum_of(n, [&](std::int64_t i) HWY_ATTR { return x[i]; }) / count : 0;
    const float m = static_cast<float>(means[r]);
    const double squares = sum_of(n, [&](std::int64_t i) HWY_ATTR { return (x[i] - m) * (x[i] - m); });
    inverses[r] = 1 / std::sqrt(squares / count + eps);
    const float s = static_cast<float>(inverses[r]);
    const auto xhat = [&](std::int64_t i) HWY_ATTR { return (x[i] - m) * s; };
    if (gamma && beta) {
      for (std::int64_t i = 0; i < n; ++i) y[i] = xhat(i) * gamma[i] + beta[i];
    } else if (gamma) {
      for (std::int64_t i = 0; i < n; ++i) y[i] = xhat(i) * gamma[i];
    } else if (beta) {
      for (std::int64_t i = 0; i < n; ++i) y[i] = xhat(i) + beta[i];
    } else {
      for (std::int64_t i = 0; i < n; ++i) y[i] = xhat(i);
    }
  }
}

void NormalizeRowsGrad(const float* HWY_RESTRICT gy, const float* HWY_RESTRICT x, const float* HWY_RESTRICT gamma,
                       const double* HWY_RESTRICT means, const double* HWY_RESTRICT inverses, bool centre,
                       std::int64_t rows, std::int64_t n, float* HWY_RESTRICT gx, double* HWY_RESTRICT ggamma,
                       double* HWY_RESTRICT gbeta) {
  const double count = static_cast<double>(n);
  for (std::int64_t r = 0; r < rows; ++r, gy += n, x += n, gx += n) {
    const float m = static_cast<float>(means[r]), s = static_cast<float>(inverses[r]);
    for (std::int64_t i = 0; i < n; ++i) gx[i] = gy[i] * gamma[i];  // rounded, so that equal ones less their mean are 0
    const double sum = centre ? sum_of(n, [&](std::int64_t i) HWY_ATTR { return gx[i]; }) : 0;
    const double sum_x = sum_of(n, [&](std::int64_t i) HWY_ATTR { return gx[i] * ((x[i] - m) * s); });
    const float h = static_cast<float>(sum / count), hx = static_cast<float>(sum_x / count);
    for (std::int64_t i = 0; i < n; ++i) {
      const float xhat = (x[i] - m) * s;
      gx[i] = s * (gx[i] - h - xhat * hx);
      ggamma[i] += static_cast<double>(gy[i] * xhat);
      gbeta[i] += static_cast<double>(gy[i]);
    }
  }
}

}  // namespace rensa::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rensa::cpu {

HWY_EXPORT(Exp);
HWY_EXPORT(Log);
HWY_EXPORT(Tanh);
HWY_EXPORT(Sigmoid);
HWY_EXPORT(ExpOfDifference);
HWY_EXPORT(ExpSum);
HWY_EXPORT(AddLines);
HWY_EXPORT(Largest);
HWY_EXPORT(Gelu);
HWY_EXPORT(GeluGrad);
HWY_EXPORT(GeluTanh);
HWY_EXPORT(GeluTanhGrad);
HWY_EXPORT(Silu);
HWY_EXPORT(SiluGrad);
HWY_EXPORT(NormalizeRows);
HWY_EXPORT(NormalizeRowsGrad);

void vector_exp(const float* x, float* y, std::int64_t count) { HWY_DYNAMIC_DISPATCH(Exp)(x, y, count); }
void vector_log(const float* x, float* y, std::int64_t count) { HWY_DYNAMIC_DISPATCH(Log)(x, y, count); }
void vector_tanh(const float* x, float* y, std::int64_t count) { HWY_DYNAMIC_DISPATCH(Tanh)(x, y, count); }
void vector_sigmoid(const float* x, float* y, std::int64_t count) { HWY_DYNAMIC_DISPATCH(Sigmoid)(x, y, count); }
void vector_exp_of_difference(const float* x, float shift, float* y, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(ExpOfDifference)(x, shift, y, count);
}
double vector_exp_sum(const float* x, float shift, float* y, std::int64_t count) {
  return HWY_DYNAMIC_DISPATCH(ExpSum)(x, shift, y, count);
}
float vector_max(const float* x, std::int64_t count) { return HWY_DYNAMIC_DISPATCH(Largest)(x, count); }
void vector_add_lines(const float* x, std::int64_t lines, std::int64_t line_step, std::int64_t width, double* sums) {
  HWY_DYNAMIC_DISPATCH(AddLines)(x, lines, line_step, width, sums);
}
void vector_gelu(const float* x, float* y, std::int64_t count) { HWY_DYNAMIC_DISPATCH(Gelu)(x, y, count); }
void vector_gelu_grad(const float* x, const float* gy, float* gx, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(GeluGrad)(x, gy, gx, count);
}
void vector_gelu_tanh(const float* x, float* y, std::int64_t count) { HWY_DYNAMIC_DISPATCH(GeluTanh)(x, y, count); }
void vector_gelu_tanh_grad(const float* x, const float* gy, float* gx, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(GeluTanhGrad)(x, gy, gx, count);
}
void vector_silu(const float* x, float* y, std::int64_t count) { HWY_DYNAMIC_DISPATCH(Silu)(x, y, count); }
void vector_silu_grad(const float* x, const float* gy, float* gx, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(SiluGrad)(x, gy, gx, count);
}
void vector_normalize_rows(const float* x, const float* gamma, const float* beta, double eps, bool centre,
                           std::int64_t rows, std::int64_t n, float* y, double* means, double* inverses) {
  HWY_DYNAMIC_DISPATCH(NormalizeRows)(x, gamma, beta, eps, centre, rows, n, y, means, inverses);
}
void vector_normalize_rows_grad(const float* gy, const float* x, const float* gamma, const double* means,
                                const double* inverses, bool centre, std::int64_t rows, std::int64_t n, float* gx,
                                double* ggamma, double* gbeta) {
  HWY_DYNAMIC_DISPATCH(NormalizeRowsGrad)(gy, x, gamma, means, inverses, centre, rows, n, gx, ggamma, gbeta);
}

}  // namespace rensa::cpu
#endif
