#include "core/kernels/cpu/pooling_loops.h"

#include <type_traits>

// Highway compiles the code below once per instruction set by including this file again.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/pooling_loops.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "core/kernels/cpu/for_each_vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rensa::cpu::HWY_NAMESPACE {

/// Places beside a vector of elements: as whole numbers where these are as wide as the elements, in float64 itself
/// otherwise, which holds every one of them.
template <class D>
using PlaceTag = std::conditional_t<sizeof(hn::TFromD<D>) == sizeof(std::int32_t), hn::RebindToSigned<D>, D>;

template <class D>
HWY_INLINE hn::Vec<D> load_places(D d, const std::int32_t* from) {
  if constexpr (std::is_same_v<hn::TFromD<D>, std::int32_t>) {
    return hn::LoadU(d, from);
  } else {
    return hn::PromoteTo(d, hn::LoadU(hn::Rebind<std::int32_t, D>(), from));
  }
}

template <class D>
HWY_INLINE void store_places(hn::Vec<D> v, D d, std::int32_t* to) {
  if constexpr (std::is_same_v<hn::TFromD<D>, std::int32_t>) {
    hn::StoreU(v, d, to);
  } else {
    const hn::Rebind<std::int32_t, D> narrow;
    hn::StoreU(hn::DemoteTo(narrow, v), narrow, to);
  }
}

template <class T>
void Largest(const Picture<T>& x, const Box& box, T* HWY_RESTRICT y, std::int32_t* HWY_RESTRICT places) {
  for_each_vector<T>(x.channels, [&](auto d, std::int64_t c) HWY_ATTR {
    const PlaceTag<decltype(d)> place_tag;
    using Place = hn::TFromD<decltype(place_tag)>;
    auto largest = hn::Neg(hn::Inf(d));
    auto at = hn::Set(place_tag, static_cast<Place>(box.top * x.width + box.left));
    for (std::int64_t line = box.top; line < box.bottom; ++line) {
      for (std::int64_t place = line * x.width + box.left; place < line * x.width + box.right; ++place) {
        const auto pixel = hn::LoadU(d, x.pixels + place * x.channels + c);
        const auto wins = hn::Or(hn::Gt(pixel, largest), hn::IsNaN(pixel));
        largest = hn::IfThenElse(wins, pixel, largest);
        at = hn::IfThenElse(hn::RebindMask(place_tag, wins), hn::Set(place_tag, static_cast<Place>(place)), at);
      }
    }
    hn::StoreU(largest, d, y + c);
    store_places(at, place_tag, places + c);
  });
}

template <class T>
void Sum(const Picture<T>& x, const Box& box, T factor, T* HWY_RESTRICT y) {
  for_each_vector<T>(x.channels, [&](auto d, std::int64_t c) HWY_ATTR {
    auto sum = hn::Zero(d);
    for (std::int64_t line = box.top; line < box.bottom; ++line) {
      for (std::int64_t place = line * x.width + box.left; place < line * x.width + box.right; ++place) {
        sum = hn::Add(sum, hn::LoadU(d, x.pixels + place * x.channels + c));
      }
    }
    hn::StoreU(hn::Mul(sum, hn::Set(d, factor)), d, y + c);
  });
}

template <class T>
void SumOfPlace(const Picture<T>& x, const std::int32_t* HWY_RESTRICT places, const Box& box, std::int32_t place,
                T* HWY_RESTRICT y) {
  for_each_vector<T>(x.channels, [&](auto d, std::int64_t c) HWY_ATTR {
    const PlaceTag<decltype(d)> place_tag;
    const auto wanted = hn::Set(place_tag, static_cast<hn::TFromD<decltype(place_tag)>>(place));
    auto sum = hn::Zero(d);
    for (std::int64_t line = box.top; line < box.bottom; ++line) {
      for (std::int64_t i = line * x.width + box.left; i < line * x.width + box.right; ++i) {
        const auto is_it = hn::RebindMask(d, hn::Eq(load_places(place_tag, places + i * x.channels + c), wanted));
        sum = hn::Add(sum, hn::IfThenElseZero(is_it, hn::LoadU(d, x.pixels + i * x.channels + c)));
      }
    }
    hn::StoreU(sum, d, y + c);
  });
}

template <class T>
const PoolingLoops<T>& pooling() {
  static constexpr PoolingLoops<T> all = {Largest<T>, Sum<T>, SumOfPlace<T>};
  return all;
}

// One name for each instance: the dispatch table wants functions.
const PoolingLoops<float>& PoolingF32() { return pooling<float>(); }
const PoolingLoops<double>& PoolingF64() { return pooling<double>(); }

}  // namespace rensa::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rensa::cpu {

HWY_EXPORT(PoolingF32);
HWY_EXPORT(PoolingF64);

template <>
const PoolingLoops<float>& pooling_loops() {
  return HWY_DYNAMIC_DISPATCH(PoolingF32)();
}
template <>
const PoolingLoops<double>& pooling_loops() {
  return HWY_DYNAMIC_DISPATCH(PoolingF64)();
}

}  // namespace rensa::cpu
#endif
