// Included once per instruction set, by files that Highway compiles so.
#if defined(RENSA_CPU_VECTOR_PARTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RENSA_CPU_VECTOR_PARTS_INL_H_
#undef RENSA_CPU_VECTOR_PARTS_INL_H_
#else
#define RENSA_CPU_VECTOR_PARTS_INL_H_
#endif

#include <cstdint>

#include <hwy/highway.h>

#include <hwy/contrib/math/math-inl.h>

#include "core/kernels/cpu/for_each_vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rensa::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// y[i] = f(d, x[i]) for vectors.
template <class F>
HWY_INLINE void map(const float* x, float* y, std::int64_t count, const F& f) {
  for_each_vector<float>(count,
                         [&](auto d, std::int64_t i) HWY_ATTR { hn::StoreU(f(d, hn::LoadU(d, x + i)), d, y + i); });
}

/// The same for f(d, x[i], gy[i]).
template <class F>
HWY_INLINE void map(const float* x, const float* gy, float* gx, std::int64_t count, const F& f) {
  for_each_vector<float>(count, [&](auto d, std::int64_t i) HWY_ATTR {
    hn::StoreU(f(d, hn::LoadU(d, x + i), hn::LoadU(d, gy + i)), d, gx + i);
  });
}

/// Highway's Exp is wrong beside its range: infinity above, 0 below the smallest normal number, and not-a-number stays.
/// Below, 0 stands for x: to compute numbers that are not normal takes a processor a hundred times as long.
template <class D, class V>
HWY_INLINE V whole_exp(D d, V x) {
  const V most = hn::Set(d, 88.72283172607421875f), least = hn::Set(d, -87.3365478515625f);
  const auto is_above = hn::Ge(x, least);
  V y = hn::IfThenElseZero(is_above, hn::Exp(d, hn::Min(hn::IfThenElseZero(is_above, x), most)));
  y = hn::IfThenElse(hn::Gt(x, most), hn::Inf(d), y);
  return hn::IfThenElse(hn::IsNaN(x), x, y);
}

/// The sum over i < n of term(i), in float64: partial ones of elements 16 apart whatever the vectors' length, and one
/// of the last elements, joined in one order.
template <class Term>
HWY_INLINE double sum_of(std::int64_t n, const Term& term) {
  constexpr std::int64_t kLanes = 16;
  double lanes[kLanes] = {}, rest = 0;
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += static_cast<double>(term(i + lane));
  }
  for (; i < n; ++i) rest += static_cast<double>(term(i));
  if (n < kLanes) return rest;
  for (std::int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::int64_t lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  }
  return lanes[0] + rest;
}

/// y = exp(x - shift).
HWY_INLINE void exp_of_difference(const float* x, float shift, float* y, std::int64_t count) {
  map(x, y, count, [shift](auto d, auto v) HWY_ATTR { return whole_exp(d, hn::Sub(v, hn::Set(d, shift))); });
}
/// The same, and their sum.
HWY_INLINE double exp_sum(const float* x, float shift, float* y, std::int64_t count) {
  exp_of_difference(x, shift, y, count);
  return sum_of(count, [&](std::int64_t i) HWY_ATTR { return y[i]; });
}

}  // namespace rensa::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
