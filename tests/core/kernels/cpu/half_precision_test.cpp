#include "core/kernels/cpu/half_precision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "core/kernels/memory.h"

namespace rensa::cpu {
namespace {

std::uint32_t bits(float x) { return std::bit_cast<std::uint32_t>(x); }

template <class T>
class HalfPrecisionTest : public ::testing::Test {};
using Halves = ::testing::Types<Float16, BFloat16>;
TYPED_TEST_SUITE(HalfPrecisionTest, Halves);

TYPED_TEST(HalfPrecisionTest, WidensEveryPatternAsItsClassDoes) {
  std::vector<TypeParam> all(1 << 16);
  for (std::size_t i = 0; i < all.size(); ++i) all[i].bits = static_cast<std::uint16_t>(i);
  std::vector<float> wide(all.size());
  widen(all.data(), wide.data(), static_cast<std::int64_t>(all.size()));
  for (std::size_t i = 0; i < all.size(); ++i) {
    const float expected = all[i];
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(wide[i])) << i;
    } else {
      ASSERT_EQ(bits(wide[i]), bits(expected)) << i;
    }
  }
}

/// Numbers of every exponent, those half-way between two 16-bit ones, infinities, and not-a-numbers.
std::vector<float> hard_numbers() {
  std::vector<float> x = {0.0f,
                          -0.0f,
                          65504.0f,
                          65519.9f,
                          65520.0f,
                          -65520.0f,
                          std::numeric_limits<float>::max(),
                          std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::quiet_NaN(),
                          std::numeric_limits<float>::denorm_min()};
  std::uint32_t pattern = 0x2545f491;
  for (int i = 0; i < 200000; ++i) {
    pattern ^= pattern << 13, pattern ^= pattern >> 17, pattern ^= pattern << 5;
    x.push_back(std::bit_cast<float>(pattern));
    x.push_back(std::bit_cast<float>((pattern & 0xffff0000u) | 0x8000u));  // half-way for bfloat16
    x.push_back(std::bit_cast<float>((pattern & 0xbfffe000u) | 0x1000u));  // and for float16
  }
  return x;
}

TYPED_TEST(HalfPrecisionTest, NarrowsToTheNearestAsItsClassDoes) {
  const std::vector<float> x = hard_numbers();
  std::vector<TypeParam> y(x.size());
  narrow(x.data(), y.data(), static_cast<std::int64_t>(x.size()));
  for (std::size_t i = 0; i < x.size(); ++i) ASSERT_EQ(y[i].bits, TypeParam(x[i]).bits) << x[i] << " at " << i;
}

TYPED_TEST(HalfPrecisionTest, CopiesConvertAndSumsRoundOnce) {
  const std::vector<float> values = hard_numbers();
  const Array wide = array(values, {static_cast<std::int64_t>(values.size())}).slice(0, {.stop = 5000});
  const Array half = wide.to(kDtypeOf<TypeParam>);
  const auto* found = static_cast<const TypeParam*>(half.raw_data());
  for (std::int64_t i = 0; i < half.size(); ++i)
    ASSERT_EQ(found[i].bits, TypeParam(values[static_cast<std::size_t>(i)]).bits);
  const Array sum = half.copy();
  kernels::accumulate(sum, half);
  const auto* sums = static_cast<const TypeParam*>(sum.raw_data());
  for (std::int64_t i = 0; i < half.size(); ++i) {
    ASSERT_EQ(sums[i].bits, TypeParam(static_cast<float>(found[i]) + static_cast<float>(found[i])).bits);
  }
}

}  // namespace
}  // namespace rensa::cpu
