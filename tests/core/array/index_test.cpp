#include "core/array/index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/array/logic.h"
#include "core/array/random.h"
#include "core/error.h"
#include "tests/support/emulated_gpu.h"

namespace rensa {
namespace {

using std::int64_t;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Array numbers(const Shape& shape) { return arange(total_size(shape)).reshape(shape); }
std::vector<int64_t> values(const Array& x) { return to_vector<int64_t>(x); }

TEST(IndexTest, BasicIndicesAreViews) {
  const Array x = numbers({2, 3, 4});
  const Array y = get(x, {int64_t{1}, Slice{.start = 2, .stop = 0, .step = -1}, NewAxis{}, Slice{.step = 2}});
  EXPECT_EQ(y.shape(), Shape({2, 1, 2}));
  EXPECT_THAT(values(y), ElementsAre(20, 22, 16, 18));
  EXPECT_EQ(y.buffer(), x.buffer());
  EXPECT_THAT(values(get(x, {Ellipsis{}, int64_t{-1}})), ElementsAre(3, 7, 11, 15, 19, 23));
}

TEST(IndexTest, ArraysThatStandTogetherStayInPlaceAndOthersComeFirst) {
  const Array x = numbers({2, 3, 4}), a = array<int64_t>({0, 1}), b = array<int64_t>({2, 0}, {2, 1});
  EXPECT_EQ(get(x, {Slice{}, a, array<int64_t>({3, 2})}).shape(), Shape({2, 2}));
  EXPECT_EQ(get(x, {Slice{}, a}).shape(), Shape({2, 2, 4}));
  EXPECT_EQ(get(x, {a, Slice{}, b}).shape(), Shape({2, 2, 3}));        // broadcast axes first
  EXPECT_EQ(get(x, {int64_t{0}, Slice{}, a}).shape(), Shape({2, 3}));  // a number counts as an array beside arrays
  EXPECT_THAT(values(get(x, {int64_t{0}, Slice{}, a})), ElementsAre(0, 4, 8, 1, 5, 9));
}

TEST(IndexTest, BoolsTakeThePlacesWhereTheyAreTrue) {
  const Array x = numbers({2, 3});
  EXPECT_THAT(values(get(x, {greater(x, 2)})), ElementsAre(3, 4, 5));
  EXPECT_THAT(values(get(x, {Slice{}, array<int>({1, 0, 1}).to(Dtype::kBool)})), ElementsAre(0, 2, 3, 5));
}

TEST(IndexTest, SetWritesAndTheLastOfEqualPlacesStays) {
  const Array x = zeros({4}, Dtype::kInt64);
  set(x, {array<int64_t>({1, 3, 1})}, array<int64_t>({5, 6, 7}));
  EXPECT_THAT(values(x), ElementsAre(0, 7, 0, 6));
  set(x, {Slice{.start = 2}}, full({}, 9, Dtype::kInt64));
  EXPECT_THAT(values(x), ElementsAre(0, 7, 9, 9));
  const Array t = zeros({2, 3}, Dtype::kInt64);
  set(t.transpose(), {array<int64_t>({2}), array<int64_t>({1})}, full({1}, 4, Dtype::kInt64));
  EXPECT_EQ(t.select(0, 1).select(0, 2).item<int64_t>(), 4);
}

TEST(IndexTest, SetMayReadWhatItWrites) {
  const Array x = array<int64_t>({1, 2, 3});
  set(x, {array<int64_t>({1, 2, 0})}, x);
  EXPECT_THAT(values(x), ElementsAre(3, 1, 2));
}

TEST(IndexTest, RefusesByNameAndNumber) {
  const Array x = numbers({2, 3});
  EXPECT_THAT([&] { get(x, {int64_t{2}}); }, ThrowsMessage<IndexError>(HasSubstr("2 is outside axis 0 of (2, 3)")));
  EXPECT_THAT([&] { get(x, {Slice{}, array<int64_t>({-4})}); },
              ThrowsMessage<IndexError>(HasSubstr("-4 is outside axis 1")));
  EXPECT_THAT([&] { get(x, {Ellipsis{}, Ellipsis{}}); }, ThrowsMessage<IndexError>(HasSubstr("one ellipsis")));
  EXPECT_THAT([&] { get(x, {Slice{}, Slice{}, Slice{}}); }, ThrowsMessage<IndexError>(HasSubstr("3 axes")));
}

TEST(IndexTest, DoesTheSameOnAGpu) {
  const testing::EmulatedGpus gpus;
  const Device gpu{DeviceKind::kCuda, 0};
  const Array x = numbers({2, 3}).to(gpu), rows = array<int64_t>({1, 0});
  EXPECT_EQ(get(x, {rows}).device(), gpu);
  EXPECT_THAT(values(get(x, {rows})), ElementsAre(3, 4, 5, 0, 1, 2));
  EXPECT_THAT(values(get(x, {rows.to(gpu)})), ElementsAre(3, 4, 5, 0, 1, 2));
  EXPECT_THAT(values(get(x, {greater(x, 2)})), ElementsAre(3, 4, 5));
  EXPECT_THAT(values(nonzero(equal(x, 4))[1]), ElementsAre(1));
  set(x, {array<int64_t>({1})}, full({}, 9, Dtype::kInt64, gpu));
  set(x.transpose(), {array<int64_t>({2}), array<int64_t>({0})}, full({1}, 7, Dtype::kInt64));
  EXPECT_THAT(values(x), ElementsAre(0, 1, 7, 9, 9, 9));
}

TEST(IndexTest, ElementsOnAGpuAreLookedAtOnTheHost) {
  const testing::EmulatedGpus gpus;
  const Array x = array<float>({1, 2, NAN, 4}).to({DeviceKind::kCuda, 0});
  EXPECT_TRUE(any(isnan(x)));
  EXPECT_EQ(count_nonzero(isfinite(x)), 3);
  set(x, {isnan(x)}, array<float>({7}));
  EXPECT_THAT(values(x), ElementsAre(1, 2, 7, 4));
  EXPECT_THAT(values(get(x, {array<int64_t>({2, 0})})), ElementsAre(7, 1));
}

TEST(LogicTest, ComparesWithBroadcastingAndPromotion) {
  const Array a = array<int>({1, 2, 3}, {3, 1}), b = array<double>({1.5, 2});
  EXPECT_THAT(values(less(a, b)), ElementsAre(1, 1, 0, 0, 0, 0));
  EXPECT_THAT(values(greater_equal(a, 2)), ElementsAre(0, 1, 1));
  EXPECT_THAT(values(not_equal(a, b)), ElementsAre(1, 1, 1, 0, 1, 1));
  EXPECT_EQ(equal(a, b).dtype(), Dtype::kBool);
}

TEST(LogicTest, CombinesTruthAndFindsWhatIsNoNumber) {
  const Array a = array<int>({0, 0, 2, 2}), b = array<int>({0, 3, 0, 3});
  EXPECT_THAT(values(logical_and(a, b)), ElementsAre(0, 0, 0, 1));
  EXPECT_THAT(values(logical_or(a, b)), ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(values(logical_xor(a, b)), ElementsAre(0, 1, 1, 0));
  EXPECT_THAT(values(logical_not(a)), ElementsAre(1, 1, 0, 0));
  const Array x = array<float>({1, NAN, INFINITY, -INFINITY});
  EXPECT_THAT(values(isnan(x)), ElementsAre(0, 1, 0, 0));
  EXPECT_THAT(values(isinf(x)), ElementsAre(0, 0, 1, 1));
  EXPECT_THAT(values(isfinite(x)), ElementsAre(1, 0, 0, 0));
  EXPECT_TRUE(any(isnan(x)));
  EXPECT_FALSE(all(isnan(x)));
  EXPECT_TRUE(all(zeros({0})));
  EXPECT_EQ(count_nonzero(a), 2);
  EXPECT_THAT(values(where(a.to(Dtype::kBool), a, b)), ElementsAre(0, 3, 2, 2));
}

TEST(LogicTest, DoesTheSameOnAGpu) {
  const testing::EmulatedGpus gpus;
  const Device gpu{DeviceKind::kCuda, 0};
  const Array x = array<float>({0, NAN, INFINITY, 2}).to(gpu), finite = isfinite(x);
  EXPECT_EQ(finite.device(), gpu);
  EXPECT_THAT(values(finite), ElementsAre(1, 0, 0, 1));
  EXPECT_THAT(values(logical_not(greater(x, 1))), ElementsAre(1, 1, 0, 0));
  EXPECT_THAT(values(logical_and(finite, x)), ElementsAre(0, 0, 0, 1));
  EXPECT_THAT(values(logical_or(finite, x)), ElementsAre(1, 1, 1, 1));
  EXPECT_TRUE(any(isnan(x)) && !all(isnan(x)));
  EXPECT_EQ(count_nonzero(isinf(x)), 1);
}

TEST(RandomArrayTest, DrawsTheSameFromTheSameStreamAndWithTheRightFrequencies) {
  RandomStream one(1, Purpose::kUser), same(1, Purpose::kUser);
  EXPECT_EQ(to_vector<float>(random::normal({5}, one)), to_vector<float>(random::normal({5}, same)));
  EXPECT_NEAR(static_cast<double>(count_nonzero(random::bernoulli({10000}, one, 0.3))) / 10000, 0.3, 0.02);
  const Array whole = random::integers({1000}, one, -2, 3);
  EXPECT_TRUE(all(greater_equal(whole, -2)) && all(less(whole, 3)) && any(equal(whole, -2)) && any(equal(whole, 2)));
}

TEST(RandomArrayTest, WhatRoundsToTheUpperEndStaysBelowIt) {
  RandomStream stream(3, Purpose::kUser);
  for (const Dtype dtype : {Dtype::kFloat16, Dtype::kBFloat16}) {
    EXPECT_TRUE(all(less(random::uniform({20000}, stream, 0, 1, dtype), 1)));
    EXPECT_TRUE(all(less(random::uniform({20000}, stream, -2, -1, dtype), -1)));
  }
  const auto rounded = [](double value, double low, double high, Dtype dtype) {
    return random::rounded_below(full({}, value, Dtype::kFloat64), low, high, dtype).item<double>();
  };
  EXPECT_EQ(rounded(1 - 0x1p-30, 0, 1, Dtype::kFloat32), 1 - 0x1p-24);
  EXPECT_EQ(rounded(1 - 0x1p-30, 0, 1, Dtype::kFloat16), 1 - 0x1p-11);
  EXPECT_EQ(rounded(-0x1p-30, -1, 0, Dtype::kFloat16), -0x1p-24);
  EXPECT_EQ(rounded(2, 1, 2, Dtype::kFloat64), 2 - 0x1p-52);
  EXPECT_EQ(rounded(1, 1, 1, Dtype::kFloat32), 1);  // nothing is in between
}

TEST(RandomArrayTest, PermutationHasEachNumberOnceAndChoiceFollowsProbabilities) {
  RandomStream stream(2, Purpose::kUser);
  std::vector<int64_t> order = values(random::permutation(50, stream));
  EXPECT_NE(order, values(arange(50)));
  std::sort(order.begin(), order.end());
  EXPECT_EQ(order, values(arange(50)));
  std::vector<int64_t> taken =
      values(random::choice(6, 6, stream, /*replace=*/false, array<double>({1, 2, 3, 1, 1, 1})));
  std::sort(taken.begin(), taken.end());
  EXPECT_EQ(taken, values(arange(6)));
  const Array often = random::choice(3, 10000, stream, true, array<double>({1, 0, 3}));
  EXPECT_EQ(count_nonzero(equal(often, 1)), 0);
  EXPECT_NEAR(static_cast<double>(count_nonzero(equal(often, 2))) / 10000, 0.75, 0.02);
  EXPECT_THROW(random::choice(3, 4, stream, false), ValueError);
}

}  // namespace
}  // namespace rensa
