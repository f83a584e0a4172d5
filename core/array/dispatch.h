#pragma once

#include <cstdint>

#include "core/array/dtype.h"
#include "core/error.h"

namespace rensa {

/// A type as a value, for the generic lambdas that dispatch() calls.
template <class T>
struct TypeTag {
  using type = T;  ///< what decltype(tag) is asked for
};

/// Calls `body(TypeTag<T>{})` with the C++ type of `dtype`, any of them.
template <class Body>
decltype(auto) dispatch_all(Dtype dtype, Body&& body) {
  switch (dtype) {
    case Dtype::kBool:
      return body(TypeTag<bool>{});
    case Dtype::kUInt8:
      return body(TypeTag<std::uint8_t>{});
    case Dtype::kInt8:
      return body(TypeTag<std::int8_t>{});
    case Dtype::kInt32:
      return body(TypeTag<std::int32_t>{});
    case Dtype::kInt64:
      return body(TypeTag<std::int64_t>{});
    case Dtype::kFloat16:
      return body(TypeTag<Float16>{});
    case Dtype::kBFloat16:
      return body(TypeTag<BFloat16>{});
    case Dtype::kFloat32:
      return body(TypeTag<float>{});
    case Dtype::kFloat64:
      return body(TypeTag<double>{});
  }
  throw DtypeError("unknown dtype ", static_cast<int>(dtype));
}

/// Calls `body` for float32 and float64; throws a DtypeError that names `operation` for any other.
template <class Body>
decltype(auto) dispatch_floating(Dtype dtype, const char* operation, Body&& body) {
  switch (dtype) {
    case Dtype::kFloat32:
      return body(TypeTag<float>{});
    case Dtype::kFloat64:
      return body(TypeTag<double>{});
    default:
      throw DtypeError(operation, ": computes in float32 and float64 (float16 and bfloat16 where it says so), found ",
                       dtype, ". Convert with cast(x, Dtype::kFloat32).");
  }
}

}  // namespace rensa
