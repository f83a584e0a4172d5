#pragma once

#include <cstdint>

#include "core/kernels/formulas/annotation.h"

namespace rensa {

/// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011) for every compiler and device:
/// four random words of a counter and a key.
struct PhiloxWords {
  std::uint32_t word[4];
};

/// The words of counter (c0, c1, c2, c3) under key (k0, k1).
RENSA_FORMULA inline PhiloxWords philox(std::uint32_t c0, std::uint32_t c1, std::uint32_t c2, std::uint32_t c3,
                                        std::uint32_t k0, std::uint32_t k1) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c0, p1 = std::uint64_t{0xCD9E8D57u} * c2;
    const auto low0 = static_cast<std::uint32_t>(p0), high0 = static_cast<std::uint32_t>(p0 >> 32);
    const auto low1 = static_cast<std::uint32_t>(p1), high1 = static_cast<std::uint32_t>(p1 >> 32);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

/// Uniform in [0, 1) from two words, 53 bits: RandomStream's.
RENSA_FORMULA inline double uniform_of(std::uint32_t high_word, std::uint32_t low_word) {
  const std::uint64_t bits = static_cast<std::uint64_t>(high_word >> 5) << 26 | (low_word >> 6);
  return static_cast<double>(bits) * 0x1p-53;
}

}  // namespace rensa
