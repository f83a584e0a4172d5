// Included once per instruction set, by files that Highway compiles so.
#if defined(RENSA_CPU_FOR_EACH_VECTOR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RENSA_CPU_FOR_EACH_VECTOR_INL_H_
#undef RENSA_CPU_FOR_EACH_VECTOR_INL_H_
#else
#define RENSA_CPU_FOR_EACH_VECTOR_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace rensa::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Calls body(d, i) so that the vectors d at each i cover [0, count). The last elements go by fours and one by one
/// through the same instructions, so that an element's bits do not depend on its place.
template <class T, class Index, class Body>
HWY_INLINE void for_each_vector(Index count, const Body& body) {
  const auto while_they_fit = [&](auto d, Index i) HWY_ATTR {
    const auto lanes = static_cast<Index>(hn::Lanes(d));
    for (; i + lanes <= count; i += lanes) body(d, i);
    return i;
  };
  const Index in_fours = while_they_fit(hn::ScalableTag<T>(), Index{0});
  while_they_fit(hn::CappedTag<T, 1>(), while_they_fit(hn::CappedTag<T, 4>(), in_fours));
}

}  // namespace rensa::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
