#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>

#include "core/array/array.h"
#include "core/array/dispatch.h"

namespace rensa::cpu {

// float16 and bfloat16 are stored in 16 bits and computed in float32: read, widened (exactly), computed, and rounded to
// the nearest once, when the result is written.

// Conversions with the widest instructions of the processor; bit for bit those of float16.h, but for signalling
// not-a-numbers, which may come out quiet.
void widen(const Float16* x, float* y, std::int64_t count);
void widen(const BFloat16* x, float* y, std::int64_t count);
void narrow(const float* x, Float16* y, std::int64_t count);
void narrow(const float* x, BFloat16* y, std::int64_t count);

/// Elements [begin, begin + count) of memory that holds 16-bit elements of `dtype`.
void widen(const void* x, Dtype dtype, std::int64_t begin, float* y, std::int64_t count);
void narrow(const float* x, void* y, Dtype dtype, std::int64_t begin, std::int64_t count);

inline constexpr std::int64_t kHalfBlock = 1024;  ///< elements that are widened at a time: they stay in the first cache

/// Calls body(block, count) for stretches of 16-bit elements [begin, end), widened: what it leaves there is written to
/// `y`.
template <class Body>
void for_each_widened(const Array& x, const Array& y, std::int64_t begin, std::int64_t end, const Body& body) {
  alignas(64) float block[kHalfBlock];
  for (std::int64_t i = begin; i < end; i += kHalfBlock) {
    const std::int64_t count = std::min(kHalfBlock, end - i);
    widen(x.raw_data(), x.dtype(), i, block, count);
    body(block, count);
    narrow(block, y.raw_data(), y.dtype(), i, count);
  }
}
/// The same of two arrays: body(a, b, count) leaves its results in a.
template <class Body>
void for_each_widened(const Array& x0, const Array& x1, const Array& y, std::int64_t begin, std::int64_t end,
                      const Body& body) {
  alignas(64) float second[kHalfBlock];
  std::int64_t at = begin;
  for_each_widened(x0, y, begin, end, [&](float* first, std::int64_t count) {
    widen(x1.raw_data(), x1.dtype(), at, second, count);
    body(first, second, count);
    at += count;
  });
}

/// x's elements in the order of axes in which `like` lies, without gaps.
inline Array in_order(const Array& x, const Array& like) {
  Array y = empty_like(like, x.shape());
  y.copy_from(x);
  return y;
}

/// Calls body with the type in which elements of `dtype` are computed: float for the 16-bit types.
template <class Body>
decltype(auto) dispatch_computed(Dtype dtype, const char* operation, Body&& body) {
  return dispatch_floating(is_half(dtype) ? Dtype::kFloat32 : dtype, operation, body);
}

namespace detail {

inline void note_half(Dtype& found, const Array& x) {
  if (x && is_half(x.dtype())) found = x.dtype();
}
template <class Other>
void note_half(Dtype&, const Other&) {}

inline Array widened(const Array& x) { return x && is_half(x.dtype()) ? x.to(Dtype::kFloat32) : x; }
template <class Other>
const Other& widened(const Other& other) {
  return other;
}

inline Array narrowed(const Array& y, Dtype half) { return y && y.dtype() == Dtype::kFloat32 ? y.to(half) : y; }
template <std::size_t N>
std::array<Array, N> narrowed(std::array<Array, N> ys, Dtype half) {
  for (Array& y : ys) y = narrowed(y, half);
  return ys;
}
template <class Other>
Other narrowed(Other y, Dtype half) {
  if constexpr (requires { y.y; }) y.y = narrowed(y.y, half);
  return y;
}

template <auto kFunction>
struct InFloat32;
template <class Result, class... Arguments, Result (*kFunction)(Arguments...)>
struct InFloat32<kFunction> {
  static Result run(Arguments... arguments) {
    Dtype half = Dtype::kFloat32;
    (note_half(half, arguments), ...);
    if (half == Dtype::kFloat32) [[likely]]
      return kFunction(arguments...);
    return narrowed(kFunction(widened(arguments)...), half);
  }
};

}  // namespace detail

/// A kernel's implementation that takes 16-bit arrays too: converted on the way in, and its float32 results on the way
/// out.
///   const Implementation cpu_softmax(softmax, DeviceKind::kCpu, cpu::in_float32<softmax_cpu>);
template <auto kFunction>
inline constexpr auto in_float32 = &detail::InFloat32<kFunction>::run;

}  // namespace rensa::cpu
