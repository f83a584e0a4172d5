#include "comm/shm/direct_reduction.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cmath>
#include <limits>
#include <vector>

namespace rensa::shm {
namespace {

/// Highway chooses as on a processor without AVX2 and F16C.
class OldProcessorScope {
 public:
  OldProcessorScope() { hwy::GetChosenTarget().Update(HWY_SSE4 | HWY_SSSE3); }
  ~OldProcessorScope() { hwy::GetChosenTarget().Update(hwy::SupportedTargets()); }
  OldProcessorScope(const OldProcessorScope&) = delete;
  OldProcessorScope& operator=(const OldProcessorScope&) = delete;
};

/// Every value with every value: infinities, NaN, subnormal numbers, sums that overflow and sums that lie in the
/// middle.
template <class T>
void expect_sums_of_single_elements(Dtype dtype) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<float> values = {
      0,     1,    -1,    3,     2048,  2049,   4096,      1.5f * 0x1p-11f, 6e-8f,
      3e-5f, 0.1f, 1e-4f, 60000, 65504, -65504, kInfinity, -kInfinity,      std::nanf("")};
  const auto count = static_cast<std::int64_t>(values.size() * values.size());
  const Array a = empty({count}, dtype), b = empty({count}, dtype), sums = empty({count}, dtype);
  for (std::int64_t i = 0; i < count; ++i) {
    a.data<T>()[i] = T(values[static_cast<std::size_t>(i) / values.size()]);
    b.data<T>()[i] = T(values[static_cast<std::size_t>(i) % values.size()]);
  }
  const std::vector<const void*> inputs = {a.raw_data(), b.raw_data()};
  const std::vector<void*> outputs = {sums.raw_data()};
  reduce_directly(inputs, outputs, 0, count, dtype, Reduce::kSum);
  for (std::int64_t i = 0; i < count; ++i) {
    const float left = a.data<T>()[i], right = b.data<T>()[i];
    const float found = sums.data<T>()[i], expected = T(left + right);
    EXPECT_TRUE(found == expected || (std::isnan(found) && std::isnan(expected)))
        << dtype << " " << left << " + " << right << ": " << found << ", expected " << expected;
  }
}

void expect_sums_of_single_elements() {
  expect_sums_of_single_elements<Float16>(Dtype::kFloat16);
  expect_sums_of_single_elements<BFloat16>(Dtype::kBFloat16);
}

TEST(DirectReductionTest, SumsHalfPrecisionLikeSingleElements) { expect_sums_of_single_elements(); }

TEST(DirectReductionTest, SumsHalfPrecisionLikeSingleElementsOnOldProcessors) {
  if ((HWY_TARGETS & HWY_SSSE3) == 0) GTEST_SKIP() << "built for newer processors only, or others";
  const OldProcessorScope scope;
  expect_sums_of_single_elements();
}

}  // namespace
}  // namespace rensa::shm
