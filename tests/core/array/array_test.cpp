#include "core/array/array.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "core/error.h"

namespace rensa {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(ArrayTest, ViewsShareTheElements) {
  const Array x = arange(6, Dtype::kFloat32).reshape({2, 3});
  x.select(0, 1).fill(7);
  EXPECT_THAT(to_vector<float>(x), ElementsAre(0, 1, 2, 7, 7, 7));
  EXPECT_THAT(to_vector<float>(x.transpose()), ElementsAre(0, 7, 1, 7, 2, 7));
}

TEST(ArrayTest, FillsWithZeroAndItsNegativeBetweenGaps) {
  const Array x = full({3, 4}, 5);
  x.slice(1, {.start = 1, .step = 2}).fill(0);
  EXPECT_THAT(to_vector<float>(x), ElementsAre(5, 0, 5, 0, 5, 0, 5, 0, 5, 0, 5, 0));
  x.transpose().fill(-0.0);
  for (const float v : to_vector<float>(x)) EXPECT_TRUE(v == 0 && std::signbit(v));
  x.transpose().fill(0);
  for (const float v : to_vector<float>(x)) EXPECT_TRUE(v == 0 && !std::signbit(v));
}

TEST(ArrayTest, SlicesAsPythonDoes) {
  const Array x = arange(6);
  EXPECT_THAT(to_vector<std::int64_t>(x.slice(0, {.start = 1, .stop = -1, .step = 2})), ElementsAre(1, 3));
  EXPECT_THAT(to_vector<std::int64_t>(x.slice(0, {.step = -2})), ElementsAre(5, 3, 1));
  EXPECT_THAT(to_vector<std::int64_t>(x.slice(0, {.start = -2})), ElementsAre(4, 5));
  EXPECT_EQ(x.slice(0, {.start = 4, .stop = 2}).size(), 0);
}

TEST(ArrayTest, ReshapeIsAViewWhereStridesAllowIt) {
  const Array x = arange(24).reshape({2, 3, 4});
  const Array joined = x.transpose({1, 0, 2}).reshape({3, 8});  // needs a copy
  EXPECT_NE(joined.raw_data(), x.raw_data());
  EXPECT_EQ(to_vector<std::int64_t>(joined)[4], 12);
  const Array split = x.slice(2, {.stop = 2}).reshape({2, 3, 2, 1});
  EXPECT_EQ(split.raw_data(), x.raw_data());
}

TEST(ArrayTest, ReshapeNamesBothShapesWhenTheyDoNotFit) {
  EXPECT_THAT([] { arange(6).reshape({4, 2}); }, ThrowsMessage<ShapeError>(HasSubstr("(4, 2)")));
  EXPECT_THAT([] { arange(6).reshape({-1, 4}); }, ThrowsMessage<ShapeError>(HasSubstr("(6,)")));
}

TEST(ArrayTest, SizesThatNoMemoryHoldsAreRefused) {
  constexpr std::int64_t kLong = std::int64_t{1} << 40;
  const auto refused = [](const auto& make, const char* part) {
    EXPECT_THAT(make, ThrowsMessage<ShapeError>(HasSubstr(part)));
  };
  double element = 0;
  refused([] { empty({kLong, kLong}); }, "array: no memory holds");
  refused([] { empty({0, kLong, kLong}); }, "array: no memory holds");
  refused([] { empty({2, -1}); }, "must not be negative");
  refused([&] { Array::wrap(&element, {kLong, kLong}, Dtype::kFloat64); }, "wrap: no memory holds");
  refused([] { ones({1}).broadcast_to({kLong, kLong}); }, "broadcast_to: no memory holds");
  refused([] { ones({1}).broadcast_to({-3}); }, "must not be negative");
  refused([] { zeros({0}).reshape({kLong, kLong}); }, "reshape: no memory holds");
  refused([] { ones({1}, Dtype::kInt8).broadcast_to({kLong, 1 << 22}).to(Dtype::kFloat64); }, "to: no memory holds");
}

TEST(ArrayTest, ReshapeLeavesNoSizeOpen) {
  EXPECT_EQ(zeros({0, 3}).reshape({-1}).shape(), Shape({0}));
  EXPECT_EQ(zeros({0, 3}).reshape({-1, 2}).shape(), Shape({0, 2}));
  EXPECT_THAT([] { zeros({0, 3}).reshape({0, -1}); }, ThrowsMessage<ShapeError>(HasSubstr("may be any")));
  EXPECT_THAT([] { zeros({6}).reshape({-2}); }, ThrowsMessage<ShapeError>(HasSubstr("must not be negative")));
}

TEST(ArrayTest, StepsLongerThanTheAxisTakeOneElement) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max(), kLeast = -kMost - 1;
  const Array x = arange(12).reshape({4, 3});
  EXPECT_THAT(to_vector<int>(x.slice(0, {.step = kMost})), ElementsAre(0, 1, 2));
  EXPECT_THAT(to_vector<int>(x.slice(0, {.step = kLeast})), ElementsAre(9, 10, 11));
  EXPECT_THAT(to_vector<int>(x.slice(1, {.start = kLeast, .stop = kMost, .step = 2}).select(0, 0)), ElementsAre(0, 2));
}

TEST(ArrayTest, ChannelsLastChangesTheMemoryAndNotTheMeaning) {
  const Array x = arange(2 * 3 * 2 * 2, Dtype::kFloat32).reshape({2, 3, 2, 2});
  const Array y = x.channels_last();
  EXPECT_TRUE(y.is_channels_last());
  EXPECT_EQ(y.strides(), (Strides{12, 1, 6, 3}));
  EXPECT_EQ(to_vector<float>(x), to_vector<float>(y));
  EXPECT_EQ(empty_like(y).strides(), y.strides());
}

TEST(ArrayTest, BroadcastsWhenCopying) {
  const Array x = zeros({2, 3});
  x.copy_from(array<float>({1, 2, 3}));
  EXPECT_THAT(to_vector<float>(x), ElementsAre(1, 2, 3, 1, 2, 3));
  EXPECT_THAT([&] { x.copy_from(array<float>({1, 2})); }, ThrowsMessage<ShapeError>(HasSubstr("(2,)")));
}

TEST(ArrayTest, CopiesFromItselfAsIfItWereAnother) {
  const Array x = array<float>({1, 2, 3, 4});
  x.copy_from(x.slice(0, {.step = -1}));
  EXPECT_THAT(to_vector<float>(x), ElementsAre(4, 3, 2, 1));
  x.slice(0, {.start = 1}).copy_from(x.slice(0, {.stop = 3}));
  EXPECT_THAT(to_vector<float>(x), ElementsAre(4, 4, 3, 2));
  const Array square = array<float>({1, 2, 3, 4}, {2, 2});
  square.copy_from(square.transpose());
  EXPECT_THAT(to_vector<float>(square), ElementsAre(1, 3, 2, 4));
  square.copy_from(square.slice(0, {.stop = 1}));
  EXPECT_THAT(to_vector<float>(square), ElementsAre(1, 3, 1, 3));
}

TEST(ArrayTest, TheItemOfWholeNumbersIsExact) {
  constexpr std::int64_t kBeyondDoubles = 9007199254740993;
  EXPECT_EQ(full({}, 0, Dtype::kInt64).item<std::int64_t>(), 0);
  EXPECT_EQ(array<std::int64_t>({kBeyondDoubles}).item<std::int64_t>(), kBeyondDoubles);
  EXPECT_EQ(array<std::int64_t>({INT64_MAX}).item<std::int64_t>(), INT64_MAX);
  EXPECT_EQ(array<float>({-2.5f}).item<std::int64_t>(), -2);
  EXPECT_TRUE(array<float>({0.5f}).item<bool>());
}

TEST(ArrayTest, RefusesTheWrongElementType) {
  EXPECT_THAT([] { zeros({1}).data<double>(); }, ThrowsMessage<DtypeError>(HasSubstr("float32")));
}

TEST(ArrayTest, WrapReleasesWithTheLastView) {
  float values[4] = {1, 2, 3, 4};
  int released = 0;
  {
    const Array view = Array::wrap(values, {2, 2}, Dtype::kFloat32, {}, [&] { ++released; }).select(0, 1);
    EXPECT_EQ(view.data<float>(), values + 2);
    EXPECT_EQ(released, 0);
  }
  EXPECT_EQ(released, 1);
}

std::string printed(const Array& x) {
  std::ostringstream out;
  out << x;
  return out.str();
}

TEST(ArrayTest, PrintsAsNumPyDoes) {
  EXPECT_EQ(printed(array<int>({1, 2, 30, 4}, {2, 2})), "[[ 1  2]\n [30  4]]");
  EXPECT_EQ(printed(arange(8).reshape({2, 2, 2})), "[[[0 1]\n  [2 3]]\n\n [[4 5]\n  [6 7]]]");
  EXPECT_EQ(printed(array<double>({1.5, 2, 3})), "[1.5 2.  3. ]");
  EXPECT_EQ(printed(array<float>({0.1f, 0.2f})), "[0.1 0.2]");
  EXPECT_EQ(printed(array<double>({1e-10, 1})), "[1.e-10 1.e+00]");
  EXPECT_EQ(printed(array<double>({123456789, 0.5})), "[1.23456789e+08 5.00000000e-01]");
  EXPECT_EQ(printed(array<double>({NAN, INFINITY, -1.25})), "[  nan   inf -1.25]");
  EXPECT_EQ(printed(array<int>({1, 0}).to(Dtype::kBool)), "[ True False]");
  EXPECT_EQ(printed(full({}, 3.25)), "3.25");
  EXPECT_EQ(printed(full({}, 3)), "3.0");
  EXPECT_EQ(printed(zeros({0, 3})), "[]");
  EXPECT_EQ(printed(array<double>({0.1}).to(Dtype::kFloat16)), "[0.1]");
  EXPECT_EQ(printed(arange(30).to(Dtype::kFloat64)),
            "[ 0.  1.  2.  3.  4.  5.  6.  7.  8.  9. 10. 11. 12. 13. 14. 15. 16. 17.\n"
            " 18. 19. 20. 21. 22. 23. 24. 25. 26. 27. 28. 29.]");
  EXPECT_EQ(printed(arange(2000).reshape({2, 1000})),
            "[[   0    1    2 ...  997  998  999]\n [1000 1001 1002 ... 1997 1998 1999]]");
}

TEST(DtypeTest, PromotesTowardsTheWiderAndTheFloatingType) {
  EXPECT_EQ(promote(Dtype::kFloat32, Dtype::kInt64), Dtype::kFloat32);
  EXPECT_EQ(promote(Dtype::kFloat16, Dtype::kBFloat16), Dtype::kFloat32);
  EXPECT_EQ(promote(Dtype::kFloat32, Dtype::kFloat64), Dtype::kFloat64);
  EXPECT_THAT([] { dtype_from_name("float31"); }, ThrowsMessage<ValueError>(HasSubstr("float32")));
}

TEST(Float16Test, EveryValueSurvivesTheWayThroughFloat) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    Float16 half;
    half.bits = static_cast<std::uint16_t>(bits);
    const float value = half;
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(static_cast<float>(Float16(value))));
    } else {
      EXPECT_EQ(Float16(value).bits, half.bits);
    }
  }
}

TEST(Float16Test, RoundsToNearestEvenAndOverflowsToInfinity) {
  EXPECT_EQ(static_cast<float>(Float16(2049.0f)), 2048.0f);
  EXPECT_EQ(static_cast<float>(Float16(2051.0f)), 2052.0f);
  EXPECT_EQ(static_cast<float>(Float16(65519.0f)), 65504.0f);
  EXPECT_TRUE(std::isinf(static_cast<float>(Float16(65520.0f))));
  EXPECT_EQ(static_cast<float>(BFloat16(1.00390625f)), 1.0f);
}

}  // namespace
}  // namespace rensa
