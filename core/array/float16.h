#pragma once

#include <bit>
#include <cstdint>

namespace rensa {

/// IEEE 754 binary16 as storage: 1 sign, 5 exponent and 10 mantissa bits. Arithmetic is done in float.
struct Float16 {
  std::uint16_t bits;

  Float16() = default;
  explicit constexpr Float16(float value) : bits(round(value)) {}
  /// Exact.
  constexpr operator float() const {
    const std::uint32_t sign = (bits & 0x8000u) << 16;
    const std::uint32_t magnitude = bits & 0x7fffu;
    if (magnitude >= 0x7c00u) return std::bit_cast<float>(sign | 0x7f800000u | ((magnitude & 0x3ffu) << 13));
    if (magnitude >= 0x0400u) return std::bit_cast<float>(sign | ((magnitude << 13) + 0x38000000u));
    const float subnormal = static_cast<float>(magnitude) * 0x1p-24f;  // exact: 10 bits
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(subnormal));
  }

 private:
  /// Rounds to nearest, ties to even; beyond 65504 to infinity; NaN stays NaN.
  static constexpr std::uint16_t round(float value) {
    const std::uint32_t all = std::bit_cast<std::uint32_t>(value);
    const auto sign = static_cast<std::uint16_t>((all >> 16) & 0x8000u);
    const std::uint32_t magnitude = all & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return static_cast<std::uint16_t>(sign | 0x7e00u);
    if (magnitude >= 0x477ff000u) return static_cast<std::uint16_t>(sign | 0x7c00u);
    if (magnitude < 0x38800000u) {  // subnormal or zero: adding 2^-1 * 2^... lets the hardware round at 2^-24
      const float shifted = std::bit_cast<float>(magnitude) + 0x1p-1f;
      return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000u));
    }
    const std::uint32_t odd = (magnitude >> 13) & 1u;
    return static_cast<std::uint16_t>(sign | ((magnitude - 0x38000000u + 0xfffu + odd) >> 13));
  }
};

/// bfloat16 as storage: the upper half of a float. Arithmetic is done in float.
struct BFloat16 {
  std::uint16_t bits;

  BFloat16() = default;
  explicit constexpr BFloat16(float value) : bits(round(value)) {}
  constexpr operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }  ///< exact

 private:
  /// Rounds to nearest, ties to even; NaN stays NaN.
  static constexpr std::uint16_t round(float value) {
    const std::uint32_t all = std::bit_cast<std::uint32_t>(value);
    if ((all & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>((all >> 16) | 0x40u);
    return static_cast<std::uint16_t>((all + 0x7fffu + ((all >> 16) & 1u)) >> 16);
  }
};

}  // namespace rensa
