#include "core/kernels/cpu/half_precision.h"

// Highway compiles the code below once per instruction set by including this file again.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/half_precision.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "core/kernels/cpu/for_each_vector-inl.h"
#include "core/kernels/cpu/half_vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rensa::cpu::HWY_NAMESPACE {

template <class From, class To>
HWY_INLINE void convert(const From* x, To* y, std::int64_t count) {
  for_each_vector<float>(count, [&](auto d, std::int64_t i) HWY_ATTR { store(load(d, x + i), d, y + i); });
}

// One name for each instance: the dispatch table wants functions.
void WidenB(const BFloat16* x, float* y, std::int64_t count) { convert(x, y, count); }
void NarrowB(const float* x, BFloat16* y, std::int64_t count) { convert(x, y, count); }
void WidenF(const Float16* x, float* y, std::int64_t count) { convert(x, y, count); }
void NarrowF(const float* x, Float16* y, std::int64_t count) { convert(x, y, count); }

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
