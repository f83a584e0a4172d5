#include "core/kernels/cpu/vector_math.h"

#include <cstddef>

// Highway compiles the code below once per instruction set by including this file again.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/vector_math.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <hwy/contrib/math/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace rensa::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// y[i] = f(d, x[i]) for vectors, the last elements one by one through the same instructions.
template <class F>
HWY_INLINE void map(const float* x, float* y, std::int64_t count, const F& f) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(f(d, hn::LoadU(d, x + i)), d, y + i);
  for (; i < count; ++i) {
    const hn::CappedTag<float, 1> one;
    hn::StoreU(f(one, hn::LoadU(one, x + i)), one, y + i);
  }
}

/// Highway's Exp is wrong beside its range: infinity above, 0 below, and not-a-number stays.
template <class D, class V>
HWY_INLINE V whole_exp(D d, V x) {
  const V most = hn::Set(d, 88.72283172607421875f), least = hn::Set(d, -103.5f);
  const V inside = hn::Min(hn::Max(x, least), most);
  V y = hn::Exp(d, inside);
  y = hn::IfThenElse(hn::Gt(x, most), hn::Inf(d), y);
  y = hn::IfThenElse(hn::Lt(x, hn::Set(d, -87.3365478515625f)), hn::Zero(d), y);  // below the smallest normal number
  return hn::IfThenElse(hn::IsNaN(x), x, y);
}

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

/// Sixteen lanes whatever the vectors' length: partial sums of elements 16 apart.
double ExpSum(const float* x, float shift, float* y, std::int64_t count) {
  map(x, y, count, [shift](auto d, auto v) HWY_ATTR { return whole_exp(d, hn::Sub(v, hn::Set(d, shift))); });
  constexpr std::int64_t kLanes = 16;
  double lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += static_cast<double>(y[i + lane]);
  }
  for (; i < count; ++i) lanes[0] += static_cast<double>(y[i]);
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  return sum;
}

}  // namespace rensa::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rensa::cpu {

HWY_EXPORT(Exp);
HWY_EXPORT(Log);
HWY_EXPORT(Tanh);
HWY_EXPORT(Sigmoid);
HWY_EXPORT(ExpSum);

void vector_exp(const float* x, float* y, std::int64_t count) { HWY_DYNAMIC_DISPATCH(Exp)(x, y, count); }
void vector_log(const float* x, float* y, std::int64_t count) { HWY_DYNAMIC_DISPATCH(Log)(x, y, count); }
void vector_tanh(const float* x, float* y, std::int64_t count) { HWY_DYNAMIC_DISPATCH(Tanh)(x, y, count); }
void vector_sigmoid(const float* x, float* y, std::int64_t count) { HWY_DYNAMIC_DISPATCH(Sigmoid)(x, y, count); }
double vector_exp_sum(const float* x, float shift, float* y, std::int64_t count) {
  return HWY_DYNAMIC_DISPATCH(ExpSum)(x, shift, y, count);
}

}  // namespace rensa::cpu
#endif
