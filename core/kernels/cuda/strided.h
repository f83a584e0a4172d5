#pragma once

#include <array>
#include <cstdint>

#include "core/array/array.h"

#if defined(__CUDACC__)
#define RENSA_DEVICE __device__ __forceinline__
#else
#define RENSA_DEVICE inline
#endif

namespace rensa::cuda {

/// Division by a number that is known when a kernel is launched, for dividends below 2^31: a multiplication and a
/// shift. Source: Granlund, Montgomery, "Division by invariant integers using multiplication", 1994, figure 4.1.
struct Divisor {
  std::uint32_t value = 1, factor = 1, shift = 0;
  Divisor() = default;
  explicit Divisor(std::int64_t d) : value(static_cast<std::uint32_t>(d)) {
    while ((std::uint64_t{1} << shift) < value) ++shift;
    factor = static_cast<std::uint32_t>(((std::uint64_t{1} << 32) * ((std::uint64_t{1} << shift) - value)) / value + 1);
  }
#if defined(__CUDACC__)
  __device__ __forceinline__ std::uint32_t quotient(std::uint32_t n) const {
    return (__umulhi(n, factor) + n) >> shift;
  }
#endif
};

/// Where an element, numbered in row-major order of a common shape, lies in each of kArrays arrays. Axes that are
/// neighbours in all of them are joined, so that most calls have one axis or two.
template <int kArrays>
struct Strided {
  int axes = 0;
  Divisor size[kMaxDims];  ///< innermost first
  std::int64_t stride[kMaxDims][kArrays];
  std::int64_t count = 1;  ///< below 2^31: see for_each_part

  Strided(const Shape& shape, const std::array<Strides, kArrays>& strides) {
    std::int64_t joined = 0;
    for (int axis = shape.ndim() - 1; axis >= 0; --axis) {
      if (shape[axis] == 1) continue;
      bool joins = axes > 0;
      for (int a = 0; a < kArrays && joins; ++a) {
        joins = strides[static_cast<std::size_t>(a)][axis] == stride[axes - 1][a] * joined;
      }
      count *= shape[axis];
      if (joins) {
        joined *= shape[axis];
        size[axes - 1] = Divisor(joined);
        continue;
      }
      joined = shape[axis];
      size[axes] = Divisor(joined);
      for (int a = 0; a < kArrays; ++a) stride[axes][a] = strides[static_cast<std::size_t>(a)][axis];
      ++axes;
    }
  }

#if defined(__CUDACC__)
  struct Offsets {
    std::int64_t at[kArrays];
  };
  __device__ __forceinline__ Offsets offsets(std::uint32_t index) const {
    Offsets result = {};
    for (int axis = 0; axis < axes; ++axis) {
      const std::uint32_t rest = axis + 1 < axes ? size[axis].quotient(index) : 0;
      const std::uint32_t position = index - rest * size[axis].value;
#pragma unroll
      for (int a = 0; a < kArrays; ++a) result.at[a] += position * stride[axis][a];
      index = rest;
    }
    return result;
  }
#endif
};

/// Calls body(first array's part, …) for parts of fewer than 2^31 elements, cut along the first axes. All shapes are
/// equal.
template <class Body, class... Arrays>
void for_each_part(const Body& body, const Array& first, const Arrays&... others) {
  constexpr std::int64_t kMost = (std::int64_t{1} << 31) - 1;
  if (first.size() <= kMost) return body(first, others...);
  int axis = 0;
  while (first.shape()[axis] == 1) ++axis;
  const std::int64_t half = first.shape()[axis] / 2;
  const Slice low{.start = 0, .stop = half, .step = 1}, high{.start = half, .stop = std::nullopt, .step = 1};
  for_each_part(body, first.slice(axis, low), (others ? others.slice(axis, low) : others)...);
  for_each_part(body, first.slice(axis, high), (others ? others.slice(axis, high) : others)...);
}

}  // namespace rensa::cuda
