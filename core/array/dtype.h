#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string_view>

#include "core/array/float16.h"

namespace rensa {

/// Element types. The names are NumPy's ("float32"); `bfloat16` is added.
enum class Dtype : std::uint8_t { kBool, kUInt8, kInt8, kInt32, kInt64, kFloat16, kBFloat16, kFloat32, kFloat64 };
inline constexpr int kDtypes = 9;  ///< how many there are

std::size_t item_size(Dtype dtype);  ///< bytes of one element
std::string_view name(Dtype dtype);  ///< "float32"
bool is_floating(Dtype dtype);       ///< float16, bfloat16, float32 or float64
/// float16 and bfloat16: stored in 16 bits, computed in float32.
constexpr bool is_half(Dtype dtype) { return dtype == Dtype::kFloat16 || dtype == Dtype::kBFloat16; }

/// The dtype called `name`; throws ValueError that lists the names otherwise.
Dtype dtype_from_name(std::string_view name);

/// The type of an operation on `a` and `b`, by NumPy's rules of promotion, except that an integer together with a
/// floating type takes the floating type (float32 + int64 is float32, as a network wants it).
Dtype promote(Dtype a, Dtype b);

std::ostream& operator<<(std::ostream& out, Dtype dtype);  ///< writes name(dtype)

/// Dtype of a C++ type: kDtypeOf<float> == Dtype::kFloat32.
template <class T>
inline constexpr Dtype kDtypeOf = T::no_such_dtype;
/// The element types of arrays.
/// @{
template <>
inline constexpr Dtype kDtypeOf<bool> = Dtype::kBool;
template <>
inline constexpr Dtype kDtypeOf<std::uint8_t> = Dtype::kUInt8;
template <>
inline constexpr Dtype kDtypeOf<std::int8_t> = Dtype::kInt8;
template <>
inline constexpr Dtype kDtypeOf<std::int32_t> = Dtype::kInt32;
template <>
inline constexpr Dtype kDtypeOf<std::int64_t> = Dtype::kInt64;
template <>
inline constexpr Dtype kDtypeOf<Float16> = Dtype::kFloat16;
template <>
inline constexpr Dtype kDtypeOf<BFloat16> = Dtype::kBFloat16;
template <>
inline constexpr Dtype kDtypeOf<float> = Dtype::kFloat32;
template <>
inline constexpr Dtype kDtypeOf<double> = Dtype::kFloat64;
/// @}

}  // namespace rensa
