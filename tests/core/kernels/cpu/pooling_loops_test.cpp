#include "core/kernels/cpu/pooling_loops.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/autograd/gradient_check.h"

namespace rensa::cpu {
namespace {

constexpr std::int64_t kHeight = 5, kWidth = 4;
constexpr Box kBox{1, 4, 0, 3};

template <class T>
class PoolingLoopsTest : public ::testing::Test {
 protected:
  /// A picture of `channels`, with equal elements, infinite ones and not-a-numbers among them.
  static std::vector<T> elements(std::int64_t channels) {
    std::vector<T> all;
    for (const double v : to_vector<double>(random_array({kHeight * kWidth * channels}, 7)))
      all.push_back(static_cast<T>(std::round(4 * v)));
    for (std::size_t i = 0; i < all.size(); i += 11) all[i] = std::numeric_limits<T>::quiet_NaN();
    for (std::size_t i = 0; i < all.size(); i += 7) all[i] = -std::numeric_limits<T>::infinity();
    return all;
  }
  template <class Pixel>
  static void for_each_pixel(const Pixel& pixel) {
    for (std::int64_t line = kBox.top; line < kBox.bottom; ++line) {
      for (std::int64_t column = kBox.left; column < kBox.right; ++column) pixel(line * kWidth + column);
    }
  }
};

/// On both sides of every vector's length.
const std::vector<std::int64_t> kChannels = {1, 2, 3, 4, 5, 8, 15, 16, 17, 31, 33, 64, 70};

using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(PoolingLoopsTest, Types);

TYPED_TEST(PoolingLoopsTest, LargestIsTheFirstOfEqualOnesOrTheLastNotANumber) {
  using T = TypeParam;
  for (const std::int64_t channels : kChannels) {
    const std::vector<T> x = this->elements(channels);
    std::vector<T> y(static_cast<std::size_t>(channels) + 1, T(-3));
    std::vector<std::int32_t> places(static_cast<std::size_t>(channels) + 1, -3);
    pooling_loops<T>().largest({x.data(), kWidth, channels}, kBox, y.data(), places.data());
    for (std::int64_t c = 0; c < channels; ++c) {
      T largest = -std::numeric_limits<T>::infinity();
      std::int64_t place = kBox.top * kWidth + kBox.left;
      this->for_each_pixel([&](std::int64_t p) {
        const T v = x[static_cast<std::size_t>(p * channels + c)];
        if (!(v > largest) && !std::isnan(v)) return;
        largest = v;
        place = p;
      });
      const auto at = static_cast<std::size_t>(c);
      EXPECT_TRUE(y[at] == largest || (std::isnan(y[at]) && std::isnan(largest))) << channels << ' ' << c;
      EXPECT_EQ(places[at], place) << channels << ' ' << c;
    }
    EXPECT_EQ(y.back(), T(-3)) << "an element beside the channels was written";
    EXPECT_EQ(places.back(), -3);
  }
}

TYPED_TEST(PoolingLoopsTest, SumsOverTheBox) {
  using T = TypeParam;
  for (const std::int64_t channels : kChannels) {
    std::vector<T> x(static_cast<std::size_t>(kHeight * kWidth * channels));
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(i % 13) - 6;
    std::vector<T> y(static_cast<std::size_t>(channels) + 1, T(-3));
    pooling_loops<T>().sum({x.data(), kWidth, channels}, kBox, T(0.5), y.data());
    for (std::int64_t c = 0; c < channels; ++c) {
      T sum = 0;
      this->for_each_pixel([&](std::int64_t p) { sum += x[static_cast<std::size_t>(p * channels + c)]; });
      EXPECT_EQ(y[static_cast<std::size_t>(c)], sum / 2);
    }
    EXPECT_EQ(y.back(), T(-3));
  }
}

TYPED_TEST(PoolingLoopsTest, SumsWhereThePlaceIsTheOneWanted) {
  using T = TypeParam;
  for (const std::int64_t channels : kChannels) {
    std::vector<T> x(static_cast<std::size_t>(kHeight * kWidth * channels));
    std::vector<std::int32_t> places(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = static_cast<T>(i % 13) - 6;
      places[i] = i % 3 == 0 ? 40'000'001 : 40'000'000;  // which float32 could not tell apart
    }
    std::vector<T> y(static_cast<std::size_t>(channels) + 1, T(-3));
    pooling_loops<T>().sum_of_place({x.data(), kWidth, channels}, places.data(), kBox, 40'000'001, y.data());
    for (std::int64_t c = 0; c < channels; ++c) {
      T sum = 0;
      this->for_each_pixel([&](std::int64_t p) {
        const auto at = static_cast<std::size_t>(p * channels + c);
        if (places[at] == 40'000'001) sum += x[at];
      });
      EXPECT_EQ(y[static_cast<std::size_t>(c)], sum);
    }
    EXPECT_EQ(y.back(), T(-3));
  }
}

}  // namespace
}  // namespace rensa::cpu
