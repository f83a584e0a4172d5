#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/array/array.h"

namespace rensa::cpu {

/// Elements to write. `past_caches`: so many in all that they would not be found in the caches again.
template <class T>
struct Destination {
  T* elements = nullptr;
  bool past_caches = false;

  Destination operator+(std::int64_t count) const { return {elements + count, past_caches}; }
};

/// All elements of y, which are stored as T.
template <class T>
Destination<T> destination(const Array& y) {
  constexpr std::size_t kPastCaches = std::size_t{16} << 20;
  return {static_cast<T*>(y.raw_data()), y.bytes() >= kPastCaches};
}

/// memcpy() with non-temporal stores: memory is not read before it is written. The end of a loop over blocks
/// (parallel.h) makes them visible to other threads.
void copy_past_caches(void* to, const void* from, std::size_t bytes);

/// Calls body(out, at, count) for stretches that cover [begin, end): what it leaves in out[0, count) becomes
/// elements[at, at + count) of the destination. Those of a large array pass through the nearest cache.
template <class T, class Body>
void for_each_stretch(const Destination<T>& to, std::int64_t begin, std::int64_t end, const Body& body) {
  constexpr std::int64_t kStretch = 512 / sizeof(T);  // so short that reads and writes overlap
  alignas(64) T stretch[kStretch];
  const std::int64_t most = to.past_caches ? kStretch : end - begin;
  for (std::int64_t at = begin; at < end; at += most) {
    const std::int64_t count = std::min(most, end - at);
    body(to.past_caches ? stretch : to.elements + at, at, count);
    if (to.past_caches) copy_past_caches(to.elements + at, stretch, static_cast<std::size_t>(count) * sizeof(T));
  }
}

}  // namespace rensa::cpu
