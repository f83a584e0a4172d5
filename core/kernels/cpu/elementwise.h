#pragma once

#include <cstdint>

#include "core/array/dispatch.h"
#include "core/kernels/cpu/destination.h"
#include "core/kernels/cpu/half_precision.h"
#include "core/kernels/cpu/strided_loop.h"

namespace rensa::cpu {

namespace detail {

/// `vectors` (from, to, count) at every element of a 16-bit array.
template <class Vectors>
Array map_half(const Vectors& vectors, const Array& x) {
  const Array source = x.is_dense() ? x : in_order(x, x);
  const Array y = empty_like(source);
  for_each_block(
      y.size(),
      [&](std::int64_t begin, std::int64_t end) {
        for_each_widened(source, y, begin, end,
                         [&](float* block, std::int64_t count) { vectors(block, block, count); });
      },
      /*cost=*/8);
  return y;
}

/// f at every pair of elements of 16-bit arrays that lie alike, without gaps.
template <class Formula>
Array map_half(const Formula& f, const Array& a, const Array& b) {
  const Array y = empty_like(a);
  for_each_block(
      y.size(),
      [&](std::int64_t begin, std::int64_t end) {
        for_each_widened(a, b, y, begin, end, [&](float* left, const float* right, std::int64_t count) {
          for (std::int64_t i = 0; i < count; ++i) left[i] = f(left[i], right[i]);
        });
      },
      /*cost=*/12);
  return y;
}

}  // namespace detail

/// f at every element of x: a new array in x's order of axes. `name` is for the error when the dtype is not floating.
template <class Formula>
Array map(const char* name, const Formula& f, const Array& x) {
  if (is_half(x.dtype())) [[unlikely]] {
    return detail::map_half(
        [&](const float* from, float* to, std::int64_t count) {
          for (std::int64_t i = 0; i < count; ++i) to[i] = f(from[i]);
        },
        x);
  }
  Array y = empty_like(x);
  dispatch_floating(x.dtype(), name, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* from = x.data<T>();
    T* to = y.data<T>();
    if (x.strides() == y.strides()) {
      for_each_block(
          x.size(),
          [&](std::int64_t begin, std::int64_t end) {
            for_each_stretch(destination<T>(y), begin, end, [&](T* out, std::int64_t at, std::int64_t count) {
              for (std::int64_t i = 0; i < count; ++i) out[i] = f(from[at + i]);
            });
          },
          /*cost=*/2 * sizeof(T));
      return;
    }
    for_each_row<2>(y.shape(), {y.strides(), x.strides()}, [&](const auto& at, const auto& step, std::int64_t count) {
      for (std::int64_t i = 0; i < count; ++i) to[at[0] + i * step[0]] = f(from[at[1] + i * step[1]]);
    });
  });
  return y;
}

/// The same, where float32 elements that lie without gaps are computed by `vectors` (vector_math.h).
template <class Formula>
Array map(const char* name, const Formula& f, void (*vectors)(const float*, float*, std::int64_t), const Array& x) {
  if (is_half(x.dtype())) [[unlikely]]
    return detail::map_half(vectors, x);
  if (x.dtype() != Dtype::kFloat32 || !x.is_dense()) return map(name, f, x);
  Array y = empty_like(x);
  for_each_block(
      x.size(),
      [&](std::int64_t begin, std::int64_t end) {
        for_each_stretch(destination<float>(y), begin, end, [&](float* out, std::int64_t at, std::int64_t count) {
          vectors(x.data<float>() + at, out, count);
        });
      },
      /*cost=*/4 * sizeof(float));
  return y;
}

namespace detail {
[[noreturn]] inline void throw_different_dtypes(const char* name, const Array& a, const Array& b) {
  throw DtypeError(name, ": operands are ", a.dtype(), " and ", b.dtype(), ". Convert one with cast(x, dtype).");
}

/// Rows of a broadcast operation: the steps are 0 or 1 nearly always, and each such loop is a vector loop.
template <class T, class Formula>
void binary_row(const Formula& f, T* to, const T* a, const T* b, std::int64_t count, std::int64_t a_step,
                std::int64_t b_step, std::int64_t to_step) {
  if (to_step == 1 && a_step == 1 && b_step == 1) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = f(a[i], b[i]);
  } else if (to_step == 1 && a_step == 1 && b_step == 0) {
    const T other = *b;
    for (std::int64_t i = 0; i < count; ++i) to[i] = f(a[i], other);
  } else if (to_step == 1 && a_step == 0 && b_step == 1) {
    const T other = *a;
    for (std::int64_t i = 0; i < count; ++i) to[i] = f(other, b[i]);
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i * to_step] = f(a[i * a_step], b[i * b_step]);
  }
}
}  // namespace detail

/// f at every pair of elements, broadcast as NumPy does.
template <class Formula>
Array map(const char* name, const Formula& f, const Array& a, const Array& b) {
  if (a.dtype() != b.dtype()) detail::throw_different_dtypes(name, a, b);
  const bool same_shape = a.shape() == b.shape();
  if (is_half(a.dtype())) [[unlikely]] {
    if (same_shape && a.strides() == b.strides() && a.is_dense()) return detail::map_half(f, a, b);
    return map(name, f, a.to(Dtype::kFloat32), b.to(Dtype::kFloat32)).to(a.dtype());
  }
  const Shape shape = same_shape ? a.shape() : broadcast_shapes(a.shape(), b.shape(), name);
  const Array& like = shape == a.shape() ? a : b;  // the result lies as an operand does, if one has its shape
  Array y = like.shape() == shape ? empty_like(like) : empty(shape, a.dtype(), a.device());
  dispatch_floating(a.dtype(), name, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* as = a.data<T>();
    const T* bs = b.data<T>();
    T* to = y.data<T>();
    if (same_shape && a.strides() == b.strides() && a.strides() == y.strides()) {
      for_each_block(
          y.size(),
          [&](std::int64_t begin, std::int64_t end) {
            for_each_stretch(destination<T>(y), begin, end, [&](T* out, std::int64_t at, std::int64_t count) {
              for (std::int64_t i = 0; i < count; ++i) out[i] = f(as[at + i], bs[at + i]);
            });
          },
          /*cost=*/3 * sizeof(T));
      return;
    }
    const Strides a_strides = same_shape ? a.strides() : a.broadcast_to(shape).strides();
    const Strides b_strides = same_shape ? b.strides() : b.broadcast_to(shape).strides();
    for_each_row<3>(shape, {y.strides(), a_strides, b_strides},
                    [&](const auto& at, const auto& step, std::int64_t count) {
                      detail::binary_row(f, to + at[0], as + at[1], bs + at[2], count, step[1], step[2], step[0]);
                    });
  });
  return y;
}

}  // namespace rensa::cpu
