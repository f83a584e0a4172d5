#include "core/kernels/cpu/half_precision.h"

// Highway compiles the code below once per instruction set by including this file again.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/half_precision.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "core/kernels/cpu/half_vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rensa::cpu::HWY_NAMESPACE {

template <class Half>
HWY_INLINE void widen_all(const Half* x, float* y, std::int64_t count) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) store(load(d, x + i), d, y + i);
  for (; i < count; ++i) y[i] = x[i];
}

template <class Half>
HWY_INLINE void narrow_all(const float* x, Half* y, std::int64_t count) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) store(load(d, x + i), d, y + i);
  for (; i < count; ++i) y[i] = Half(x[i]);
}

// One name for each instance: the dispatch table wants functions.
void WidenB(const BFloat16* x, float* y, std::int64_t count) { widen_all(x, y, count); }
void NarrowB(const float* x, BFloat16* y, std::int64_t count) { narrow_all(x, y, count); }
void WidenF(const Float16* x, float* y, std::int64_t count) { widen_all(x, y, count); }
void NarrowF(const float* x, Float16* y, std::int64_t count) { narrow_all(x, y, count); }

}  // namespace rensa::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rensa::cpu {

HWY_EXPORT(WidenB);
HWY_EXPORT(NarrowB);
HWY_EXPORT(WidenF);
HWY_EXPORT(NarrowF);

void widen(const BFloat16* x, float* y, std::int64_t count) { HWY_DYNAMIC_DISPATCH(WidenB)(x, y, count); }
void narrow(const float* x, BFloat16* y, std::int64_t count) { HWY_DYNAMIC_DISPATCH(NarrowB)(x, y, count); }
void widen(const Float16* x, float* y, std::int64_t count) { HWY_DYNAMIC_DISPATCH(WidenF)(x, y, count); }
void narrow(const float* x, Float16* y, std::int64_t count) { HWY_DYNAMIC_DISPATCH(NarrowF)(x, y, count); }

void widen(const void* x, Dtype dtype, std::int64_t begin, float* y, std::int64_t count) {
  if (dtype == Dtype::kBFloat16) return widen(static_cast<const BFloat16*>(x) + begin, y, count);
  widen(static_cast<const Float16*>(x) + begin, y, count);
}
void narrow(const float* x, void* y, Dtype dtype, std::int64_t begin, std::int64_t count) {
  if (dtype == Dtype::kBFloat16) return narrow(x, static_cast<BFloat16*>(y) + begin, count);
  narrow(x, static_cast<Float16*>(y) + begin, count);
}

}  // namespace rensa::cpu
#endif
