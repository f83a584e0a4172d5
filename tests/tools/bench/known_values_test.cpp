#include "tools/bench/known_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/error.h"

namespace rensa::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr std::int64_t kCount = 1000;
constexpr int kRanks = 4;

KnownValues::Origin same_place(std::int64_t i) { return {0, i}; }

/// What a correct reduction gives: every rank's array, reduced in float64 and rounded to the dtype.
Array reduced(const KnownValues& values, Dtype dtype, Operation operation) {
  std::vector<double> result;
  for (int rank = 0; rank < kRanks; ++rank) {
    const Array data = empty({kCount}, dtype);
    values.fill(data, rank);
    const std::vector<double> numbers = to_vector<double>(data);
    if (rank == 0) result = numbers;
    for (std::size_t i = 0; i < numbers.size() && rank > 0; ++i) {
      switch (operation) {
        case Operation::kProduct:
          result[i] *= numbers[i];
          break;
        case Operation::kMax:
          result[i] = std::max(result[i], numbers[i]);
          break;
        case Operation::kMin:
          result[i] = std::min(result[i], numbers[i]);
          break;
        default:
          result[i] += numbers[i];
      }
    }
  }
  if (operation == Operation::kMean) {
    for (double& x : result) x /= kRanks;
  }
  return array(result, {kCount}).to(dtype);
}

class KnownValuesTest : public ::testing::TestWithParam<std::tuple<Dtype, Operation>> {};

TEST_P(KnownValuesTest, ACorrectReductionHasNoWrongElementAndEveryPlantedErrorIsCounted) {
  const auto [dtype, operation] = GetParam();
  if (operation == Operation::kMean && !is_floating(dtype)) {
    EXPECT_THAT([&] { KnownValues(dtype, operation, kRanks); }, ThrowsMessage<DtypeError>(HasSubstr("whole number")));
    return;
  }
  const KnownValues values(dtype, operation, kRanks);
  const Array result = reduced(values, dtype, operation);
  EXPECT_EQ(values.count_wrong(result, same_place), 0);

  // One rank's value left out of an element, as a lost message would leave it; taken where it must change the result.
  const Array first = empty({kCount}, dtype);
  values.fill(first, 0);
  const std::vector<double> right = to_vector<double>(result), only = to_vector<double>(first);
  std::int64_t planted = 0;
  for (std::int64_t i = 0; i < kCount && planted < 3; ++i) {
    const auto k = static_cast<std::size_t>(i);
    if (std::abs(right[k] - only[k]) < 0.1 * std::abs(right[k]) + 0.25) continue;
    result.slice(0, {.start = i, .stop = i + 1}).fill(only[k]);
    ++planted;
  }
  ASSERT_EQ(planted, 3);
  EXPECT_EQ(values.count_wrong(result, same_place), 3);
}

INSTANTIATE_TEST_SUITE_P(EveryDtype, KnownValuesTest,
                         ::testing::Combine(::testing::Values(Dtype::kFloat32, Dtype::kFloat64, Dtype::kFloat16,
                                                              Dtype::kBFloat16, Dtype::kInt8, Dtype::kUInt8,
                                                              Dtype::kInt32, Dtype::kInt64),
                                            ::testing::Values(Operation::kSum, Operation::kProduct, Operation::kMax,
                                                              Operation::kMin, Operation::kMean)));

TEST(KnownValuesOfFloat32Test, ASumInLessPrecisionIsWrong) {
  const KnownValues values(Dtype::kFloat32, Operation::kSum, kRanks);
  const Array rounded = reduced(values, Dtype::kFloat32, Operation::kSum).to(Dtype::kFloat16).to(Dtype::kFloat32);
  EXPECT_GT(values.count_wrong(rounded, same_place), kCount * 9 / 10);
}

TEST(KnownValuesOfFloat32Test, ATransferMustBeExact) {
  const KnownValues values(Dtype::kFloat32, Operation::kMove, kRanks);
  const Array data = empty({kCount});
  values.fill(data, 2);
  const auto from_rank_2 = [](std::int64_t i) { return KnownValues::Origin{2, i}; };
  EXPECT_EQ(values.count_wrong(data, from_rank_2), 0);
  data.data<float>()[7] = std::nextafter(data.data<float>()[7], 2.0f);
  EXPECT_EQ(values.count_wrong(data, from_rank_2), 1);
  EXPECT_GT(values.count_wrong(data, same_place), kCount * 9 / 10);  // another rank's values
}

TEST(KnownValuesOfFloat32Test, WhatWasNotWrittenIsWrong) {
  const KnownValues values(Dtype::kFloat32, Operation::kSum, kRanks);
  const Array result = reduced(values, Dtype::kFloat32, Operation::kSum);
  poison(result.slice(0, {.start = 100, .stop = 140}));
  EXPECT_EQ(values.count_wrong(result, same_place), 40);
}

TEST(KnownValuesOfIntegersTest, NoSumOverflows) {
  const KnownValues values(Dtype::kInt8, Operation::kSum, 100);
  for (std::int64_t i = 0; i < kCount; ++i) {
    double sum = 0;
    for (int rank = 0; rank < 100; ++rank) sum += values.value(rank, i);
    EXPECT_LE(std::abs(sum), 127);
  }
}

TEST(KnownValuesOfIntegersTest, RefusesBool) {
  EXPECT_THROW(KnownValues(Dtype::kBool, Operation::kSum, 2), DtypeError);
}

}  // namespace
}  // namespace rensa::tools
