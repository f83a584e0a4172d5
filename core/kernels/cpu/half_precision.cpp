#include "core/kernels/cpu/half_precision.h"

#include <cstddef>

// Highway compiles the code below once per instruction set by including this file again.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/half_precision.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace rensa::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void WidenB(const BFloat16* x, float* y, std::int64_t count) {
  const hn::ScalableTag<float> d;
  const hn::RebindToUnsigned<decltype(d)> bits;
  const hn::Rebind<std::uint16_t, decltype(d)> half;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto* from = reinterpret_cast<const std::uint16_t*>(x);
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto wide = hn::ShiftLeft<16>(hn::PromoteTo(bits, hn::LoadU(half, from + i)));
    hn::StoreU(hn::BitCast(d, wide), d, y + i);
  }
  for (; i < count; ++i) y[i] = x[i];
}

void NarrowB(const float* x, BFloat16* y, std::int64_t count) {
  const hn::ScalableTag<float> d;
  const hn::RebindToUnsigned<decltype(d)> bits;
  const hn::RebindToSigned<decltype(d)> whole;
  const hn::Rebind<std::uint16_t, decltype(d)> half;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  auto* to = reinterpret_cast<std::uint16_t*>(y);
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto v = hn::LoadU(d, x + i);
    const auto all = hn::BitCast(bits, v);
    const auto odd = hn::And(hn::ShiftRight<16>(all), hn::Set(bits, 1));
    const auto rounded = hn::ShiftRight<16>(hn::Add(all, hn::Add(odd, hn::Set(bits, 0x7fff))));
    const auto quiet = hn::Or(hn::ShiftRight<16>(all), hn::Set(bits, 0x40));
    const auto result = hn::IfThenElse(hn::RebindMask(bits, hn::IsNaN(v)), quiet, rounded);
    hn::StoreU(hn::DemoteTo(half, hn::BitCast(whole, result)), half, to + i);  // below 2^16: nothing saturates
  }
  for (; i < count; ++i) y[i] = BFloat16(x[i]);
}

#if HWY_TARGET <= HWY_AVX2  // F16C comes with AVX2; Highway's own conversions elsewhere do not know infinity

void WidenF(const Float16* x, float* y, std::int64_t count) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<hwy::float16_t, decltype(d)> half;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto* from = reinterpret_cast<const hwy::float16_t*>(x);
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(hn::PromoteTo(d, hn::LoadU(half, from + i)), d, y + i);
  for (; i < count; ++i) y[i] = x[i];
}

void NarrowF(const float* x, Float16* y, std::int64_t count) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<hwy::float16_t, decltype(d)> half;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  auto* to = reinterpret_cast<hwy::float16_t*>(y);
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto v = hn::LoadU(d, x + i);
    hn::StoreU(hn::DemoteTo(half, v), half, to + i);
    if (!hn::AllFalse(d, hn::IsNaN(v))) [[unlikely]] {  // which not-a-number is not the hardware's choice
      for (std::int64_t k = i; k < i + lanes; ++k) y[k] = Float16(x[k]);
    }
  }
  for (; i < count; ++i) y[i] = Float16(x[i]);
}

#else

void WidenF(const Float16* x, float* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = x[i];
}
void NarrowF(const float* x, Float16* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = Float16(x[i]);
}

#endif

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
