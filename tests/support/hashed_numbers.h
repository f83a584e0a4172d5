#pragma once

#include <cstdint>

namespace rensa::testing {

/// Numbers that scripts/oracle/hashed_numbers.py makes too, to the last bit: weights, pictures and labels of the golden
/// files. Element i of a stream is splitmix64's output function of key + (i + 1) × 0x9e3779b97f4a7c15.
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
class HashedNumbers {
 public:
  explicit HashedNumbers(std::uint64_t stream) : key_(mix(stream)) {}

  std::uint64_t bits(std::int64_t i) const {
    return mix(key_ + (static_cast<std::uint64_t>(i) + 1) * 0x9e3779b97f4a7c15u);
  }
  /// In [-bound, bound).
  double uniform(std::int64_t i, double bound = 1) const {
    return (2 * (static_cast<double>(bits(i) >> 11) * 0x1p-53) - 1) * bound;
  }
  /// In [0, classes).
  std::int64_t label(std::int64_t i, std::int64_t classes) const {
    return static_cast<std::int64_t>(bits(i) % static_cast<std::uint64_t>(classes));
  }

 private:
  static std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  std::uint64_t key_;
};

}  // namespace rensa::testing
