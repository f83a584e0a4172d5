#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>
#include <type_traits>

#include "core/array/dtype.h"
#include "core/array/float16.h"
#include "core/error.h"
#include "core/kernels/formulas/annotation.h"

namespace rensa::cuda {

// Elements in memory, and the type in which they are computed: float for the 16-bit types, themselves otherwise.

template <class T>
inline constexpr bool kIsHalf = std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>;
template <class T>
using Computed = std::conditional_t<kIsHalf<T>, float, T>;

template <class T>
__device__ __forceinline__ Computed<T> widen(T x) {
  if constexpr (std::is_same_v<T, Float16>) {
    return __half2float(__ushort_as_half(x.bits));
  } else if constexpr (std::is_same_v<T, BFloat16>) {
    return __bfloat162float(__ushort_as_bfloat16(x.bits));
  } else {
    return x;
  }
}

template <class T>
__device__ __forceinline__ T narrow(Computed<T> x) {
  if constexpr (std::is_same_v<T, Float16>) {
    T result;
    result.bits = __half_as_ushort(__float2half_rn(x));
    return result;
  } else if constexpr (std::is_same_v<T, BFloat16>) {
    T result;
    result.bits = __bfloat16_as_ushort(__float2bfloat16_rn(x));
    return result;
  } else {
    return x;
  }
}

/// 16 bytes of elements, which a thread reads or writes at once.
template <class T>
struct alignas(16) Pack {
  static constexpr int kCount = 16 / sizeof(T);
  T element[kCount];
};

template <class T>
struct TypeOf {
  using type = T;
};

/// Calls `body(TypeOf<T>{})` for float32, float64, float16 and bfloat16; throws DtypeError that names `operation`
/// otherwise.
template <class Body>
decltype(auto) dispatch_floating(Dtype dtype, const char* operation, Body&& body) {
  switch (dtype) {
    case Dtype::kFloat32:
      return body(TypeOf<float>{});
    case Dtype::kFloat64:
      return body(TypeOf<double>{});
    case Dtype::kFloat16:
      return body(TypeOf<Float16>{});
    case Dtype::kBFloat16:
      return body(TypeOf<BFloat16>{});
    default:
      throw DtypeError(operation, ": computes in float32, float64, float16 and bfloat16, found ", dtype,
                       ". Convert with cast(x, Dtype::kFloat32).");
  }
}

/// Every dtype, for kernels that compare elements; bool as uint8.
template <class Body>
decltype(auto) dispatch_ordered(Dtype dtype, const char* operation, Body&& body) {
  switch (dtype) {
    case Dtype::kBool:
    case Dtype::kUInt8:
      return body(TypeOf<std::uint8_t>{});
    case Dtype::kInt8:
      return body(TypeOf<std::int8_t>{});
    case Dtype::kInt32:
      return body(TypeOf<std::int32_t>{});
    case Dtype::kInt64:
      return body(TypeOf<std::int64_t>{});
    default:
      return dispatch_floating(dtype, operation, body);
  }
}

/// As dispatch_floating, for float32 and float64.
template <class Body>
decltype(auto) dispatch_wide(Dtype dtype, const char* operation, Body&& body) {
  if (dtype == Dtype::kFloat32) return body(TypeOf<float>{});
  if (dtype == Dtype::kFloat64) return body(TypeOf<double>{});
  throw DtypeError(operation, ": computes in float32 and float64, found ", dtype,
                   ". Convert with cast(x, Dtype::kFloat32).");
}

template <bool kHalf, class Body>
decltype(auto) dispatch_computed(Dtype dtype, const char* operation, Body&& body) {
  if constexpr (kHalf) {
    return dispatch_floating(dtype, operation, body);
  } else {
    return dispatch_wide(dtype, operation, body);
  }
}

/// Elements by their size: for kernels that only move them.
template <class Body>
decltype(auto) dispatch_size(Dtype dtype, Body&& body) {
  switch (item_size(dtype)) {
    case 1:
      return body(TypeOf<std::uint8_t>{});
    case 2:
      return body(TypeOf<std::uint16_t>{});
    case 4:
      return body(TypeOf<std::uint32_t>{});
    default:
      return body(TypeOf<std::uint64_t>{});
  }
}

}  // namespace rensa::cuda
