#pragma once

#include "core/kernels/cuda/element.cuh"
#include "core/kernels/cuda/launch.h"
#include "core/kernels/cuda/strided.h"

namespace rensa::cuda {

/// y = f(a) or f(a, b) of elements that lie alike without gaps, 16 bytes at a time where all pointers allow it. y may
/// be a.
template <int kInputs, class T, class F>
__global__ void dense_kernel(F f, T* y, const T* a, const T* b, std::int64_t count, bool aligned) {
  const std::int64_t thread = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x;
  const std::int64_t threads = gridDim.x * static_cast<std::int64_t>(blockDim.x);
  const auto one = [&](T left, T right) {
    if constexpr (kInputs == 1) {
      return narrow<T>(f(widen(left)));
    } else {
      return narrow<T>(f(widen(left), widen(right)));
    }
  };
  constexpr int kPack = Pack<T>::kCount;
  const std::int64_t packs = aligned ? count / kPack : 0;
  for (std::int64_t i = thread; i < packs; i += threads) {
    const Pack<T> left = reinterpret_cast<const Pack<T>*>(a)[i];
    Pack<T> right = left, out;
    if constexpr (kInputs > 1) right = reinterpret_cast<const Pack<T>*>(b)[i];
#pragma unroll
    for (int k = 0; k < kPack; ++k) out.element[k] = one(left.element[k], right.element[k]);
    reinterpret_cast<Pack<T>*>(y)[i] = out;
  }
  for (std::int64_t i = packs * kPack + thread; i < count; i += threads) y[i] = one(a[i], kInputs > 1 ? b[i] : a[i]);
}

/// y = f(a, b) of elements anywhere: broadcast, transposed, with gaps. y may be a.
template <class T, class F>
__global__ void strided_kernel(F f, T* y, const T* a, const T* b, Strided<3> places) {
  const auto threads = static_cast<std::uint32_t>(gridDim.x) * blockDim.x;
  for (std::uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < places.count; i += threads) {
    const auto at = places.offsets(i);
    y[at.at[0]] = narrow<T>(f(widen(a[at.at[1]]), widen(b[at.at[2]])));
  }
}

inline bool is_aligned(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % 16 == 0; }

template <int kInputs, class T, class F>
void launch_dense(const char* name, const F& f, const Array& y, const Array& a, const Array& b) {
  const bool aligned = is_aligned(y.raw_data()) && is_aligned(a.raw_data()) && (!b || is_aligned(b.raw_data()));
  const std::int64_t items = aligned ? y.size() / Pack<T>::kCount + 1 : y.size();
  dense_kernel<kInputs><<<blocks_for(items), kThreads, 0, stream_for(y)>>>(f, pointer<T>(y), pointer<const T>(a),
                                                                           pointer<const T>(b), y.size(), aligned);
  check_launch(name);
}

template <class T, class F>
void launch_strided(const char* name, const F& f, const Array& y, const Array& a, const Array& b) {
  for_each_part(
      [&](const Array& to, const Array& left, const Array& right) {
        const Strided<3> places(to.shape(), {to.strides(), left.strides(), right.strides()});
        strided_kernel<<<blocks_for(to.size()), kThreads, 0, stream_for(to)>>>(
            f, pointer<T>(to), pointer<const T>(left), pointer<const T>(right), places);
        check_launch(name);
      },
      y, a, b);
}

/// x's elements in the order in which `like` lies.
inline Array lying_as(const Array& x, const Array& like) {
  if (x.strides() == like.strides()) return x;
  const Array y = empty_like(like, x.shape());
  y.copy_from(x);
  return y;
}

/// f at every element of x: a new array in x's order of axes. Without kHalf, 16-bit elements are converted to float32
/// and back by passes of their own: for formulas that are rarely wanted, each of which would be compiled for two more
/// types.
template <bool kHalf = true, class F>
Array map(const char* name, const F& f, const Array& x) {
  if (!kHalf && is_half(x.dtype())) return map<kHalf>(name, f, x.to(Dtype::kFloat32)).to(x.dtype());
  const Array y = empty_like(x);
  dispatch_computed<kHalf>(x.dtype(), name, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (y.size() == 0) return;
    launch_dense<1, T>(name, f, y, lying_as(x, y), Array());
  });
  return y;
}

/// f at every pair of elements, in a's shape and order of axes: for gradients, whose operands nearly always lie alike.
template <bool kHalf = true, class F>
Array map_alike(const char* name, const F& f, const Array& a, const Array& b) {
  if (!kHalf && is_half(a.dtype())) {
    return map_alike<kHalf>(name, f, a.to(Dtype::kFloat32), b.to(Dtype::kFloat32)).to(a.dtype());
  }
  const Array y = empty_like(a);
  dispatch_computed<kHalf>(a.dtype(), name, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (y.size() == 0) return;
    launch_dense<2, T>(name, f, y, lying_as(a, y), lying_as(b.broadcast_to(a.shape()), y));
  });
  return y;
}

/// f at every pair of elements, broadcast as NumPy does.
template <bool kHalf = true, class F>
Array map(const char* name, const F& f, const Array& a, const Array& b) {
  if (a.dtype() != b.dtype()) {
    throw DtypeError(name, ": operands are ", a.dtype(), " and ", b.dtype(), ". Convert one with cast(x, dtype).");
  }
  if (!kHalf && is_half(a.dtype())) {
    return map<kHalf>(name, f, a.to(Dtype::kFloat32), b.to(Dtype::kFloat32)).to(a.dtype());
  }
  const Shape shape = a.shape() == b.shape() ? a.shape() : broadcast_shapes(a.shape(), b.shape(), name);
  const Array& like = shape == a.shape() ? a : b;  // the result lies as an operand does, if one has its shape
  const Array y = like.shape() == shape ? empty_like(like) : empty(shape, a.dtype(), a.device());
  dispatch_computed<kHalf>(a.dtype(), name, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (y.size() == 0) return;
    const Array left = a.broadcast_to(shape), right = b.broadcast_to(shape);
    if (left.strides() == y.strides() && right.strides() == y.strides()) {
      launch_dense<2, T>(name, f, y, left, right);
    } else {
      launch_strided<T>(name, f, y, left, right);
    }
  });
  return y;
}

}  // namespace rensa::cuda
