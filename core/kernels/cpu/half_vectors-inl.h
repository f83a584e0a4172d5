// Included once per instruction set, by files that Highway compiles so.
#if defined(RENSA_CPU_HALF_VECTORS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RENSA_CPU_HALF_VECTORS_INL_H_
#undef RENSA_CPU_HALF_VECTORS_INL_H_
#else
#define RENSA_CPU_HALF_VECTORS_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include <hwy/highway.h>

#include "core/array/float16.h"

HWY_BEFORE_NAMESPACE();
namespace rensa::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// load() and store() of vectors that are computed in D's type and stored in that type or in 16 bits. stream() stores
// past the caches, to a place that is aligned to the stored vector.

template <class D>
HWY_INLINE hn::Vec<D> load(D d, const hn::TFromD<D>* from) {
  return hn::LoadU(d, from);
}
template <class D>
HWY_INLINE void store(hn::Vec<D> v, D d, hn::TFromD<D>* to) {
  hn::StoreU(v, d, to);
}

template <class D>
HWY_INLINE hn::Vec<D> load(D d, const BFloat16* from) {
  const hn::RebindToUnsigned<D> bits;
  const hn::Rebind<std::uint16_t, D> half;
  const auto stored = hn::LoadU(half, reinterpret_cast<const std::uint16_t*>(from));
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(bits, stored)));
}
/// To the nearest, ties to even; a not-a-number stays one.
template <class D>
HWY_INLINE hn::Vec<hn::Rebind<std::uint16_t, D>> bfloat16_bits(hn::Vec<D> v, D) {
  const hn::RebindToUnsigned<D> bits;
  const hn::RebindToSigned<D> whole;
  const hn::Rebind<std::uint16_t, D> half;
  const auto all = hn::BitCast(bits, v);
  const auto odd = hn::And(hn::ShiftRight<16>(all), hn::Set(bits, 1));
  const auto rounded = hn::ShiftRight<16>(hn::Add(all, hn::Add(odd, hn::Set(bits, 0x7fff))));
  const auto quiet = hn::Or(hn::ShiftRight<16>(all), hn::Set(bits, 0x40));
  const auto result = hn::IfThenElse(hn::RebindMask(bits, hn::IsNaN(v)), quiet, rounded);
  return hn::DemoteTo(half, hn::BitCast(whole, result));  // below 2^16: nothing saturates
}
template <class D>
HWY_INLINE void store(hn::Vec<D> v, D d, BFloat16* to) {
  hn::StoreU(bfloat16_bits(v, d), hn::Rebind<std::uint16_t, D>(), reinterpret_cast<std::uint16_t*>(to));
}

#if HWY_TARGET <= HWY_AVX2  // F16C comes with AVX2; Highway's own conversions elsewhere do not know infinity

template <class D>
HWY_INLINE hn::Vec<D> load(D d, const Float16* from) {
  const hn::Rebind<hwy::float16_t, D> half;
  return hn::PromoteTo(d, hn::LoadU(half, reinterpret_cast<const hwy::float16_t*>(from)));
}
template <class D>
HWY_INLINE void store(hn::Vec<D> v, D d, Float16* to) {
  const hn::Rebind<hwy::float16_t, D> half;
  hn::StoreU(hn::DemoteTo(half, v), half, reinterpret_cast<hwy::float16_t*>(to));
  if (!hn::AllFalse(d, hn::IsNaN(v))) [[unlikely]] {  // which not-a-number is not the hardware's choice
    alignas(64) float values[hn::MaxLanes(d)];
    hn::Store(v, d, values);
    for (std::size_t i = 0; i < hn::Lanes(d); ++i) to[i] = Float16(values[i]);
  }
}

#else

template <class D>
HWY_INLINE hn::Vec<D> load(D d, const Float16* from) {
  alignas(64) float values[hn::MaxLanes(d)];
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) values[i] = from[i];
  return hn::Load(d, values);
}
template <class D>
HWY_INLINE void store(hn::Vec<D> v, D d, Float16* to) {
  alignas(64) float values[hn::MaxLanes(d)];
  hn::Store(v, d, values);
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) to[i] = Float16(values[i]);
}

#endif

template <class D>
HWY_INLINE void stream(hn::Vec<D> v, D d, hn::TFromD<D>* to) {
  hn::Stream(v, d, to);
}
template <class D>
HWY_INLINE void stream(hn::Vec<D> v, D d, BFloat16* to) {
  hn::Stream(bfloat16_bits(v, d), hn::Rebind<std::uint16_t, D>(), reinterpret_cast<std::uint16_t*>(to));
}
template <class D>
HWY_INLINE void stream(hn::Vec<D> v, D d, Float16* to) {
  store(v, d, to);  // which may have to mend not-a-numbers
}

}  // namespace rensa::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
