#include "core/kernels/cpu/destination.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "core/autograd/gradient_check.h"
#include "core/functions/activation.h"
#include "core/functions/arithmetic.h"
#include "core/functions/math.h"
#include "core/kernels/arithmetic.h"

namespace rensa::cpu {
namespace {

namespace F = functions;

TEST(DestinationTest, CopiesPastTheCachesWhatIsAskedForAndNothingBeside) {
  constexpr std::size_t kMost = 400;
  std::vector<unsigned char> from(kMost);
  std::iota(from.begin(), from.end(), static_cast<unsigned char>(0));
  for (std::size_t start = 0; start < 70; ++start) {
    for (const std::size_t bytes : {0, 1, 15, 63, 64, 65, 127, 128, 200, 300}) {
      std::vector<unsigned char> to(kMost, 255), expected = to;
      copy_past_caches(to.data() + start, from.data() + 3, bytes);
      std::memcpy(expected.data() + start, from.data() + 3, bytes);
      EXPECT_EQ(to, expected) << bytes << " bytes to byte " << start;
    }
  }
}

TEST(DestinationTest, StretchesCoverTheElements) {
  for (const bool past_caches : {false, true}) {
    for (const std::int64_t count : {0, 1, 7, 1023, 1024, 1025, 5000}) {
      std::vector<float> to(static_cast<std::size_t>(count) + 2, -1), expected = to;
      for (std::int64_t i = 1; i < count; ++i) expected[static_cast<std::size_t>(i)] = static_cast<float>(i);
      for_each_stretch(Destination<float>{to.data(), past_caches}, 1, count,
                       [](float* out, std::int64_t at, std::int64_t length) {
                         for (std::int64_t i = 0; i < length; ++i) out[i] = static_cast<float>(at + i);
                       });
      EXPECT_EQ(to, expected) << count << (past_caches ? ", past the caches" : "");
    }
  }
}

/// A function of rows that does not mix them.
struct RowFunction {
  std::string name;
  std::function<Variable(const Variable& x)> function;
};

/// {function(x), the gradient of x}
std::vector<Array> value_and_gradient(const RowFunction& f, const Array& x) {
  const Variable input(x, /*requires_grad=*/true), y = f.function(input);
  const Variable gy(kernels::mul(y.array(), y.array()));  // whose rows depend on those of x alone
  return {y.array(), grad({y}, {input}, {gy})[0].array()};
}

class LargeArrayTest : public ::testing::TestWithParam<RowFunction> {};

/// 20 MiB are written past the caches, halves of them are not.
TEST_P(LargeArrayTest, IsBitForBitItsHalves) {
  constexpr std::int64_t kRows = 5120, kHalf = kRows / 2;
  const Array x = random_array({kRows, 1024}, 3, Dtype::kFloat32);
  ASSERT_TRUE(destination<float>(x).past_caches);
  const Slice first{.start = 0, .stop = kHalf}, second{.start = kHalf, .stop = kRows};
  ASSERT_FALSE(destination<float>(x.slice(0, first)).past_caches);
  const std::vector<Array> whole = value_and_gradient(GetParam(), x);
  for (const Slice& part : {first, second}) {
    const std::vector<Array> half = value_and_gradient(GetParam(), x.slice(0, part));
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(to_vector<float>(whole[i].slice(0, part)), to_vector<float>(half[i])) << (i ? "gradient" : "value");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Functions, LargeArrayTest,
                         ::testing::Values(RowFunction{"relu", [](const Variable& x) { return F::relu(x); }},
                                           RowFunction{"mul", [](const Variable& x) { return x * x; }},
                                           RowFunction{"exp", [](const Variable& x) { return F::exp(x); }},
                                           RowFunction{"tanh", [](const Variable& x) { return F::tanh(x); }},
                                           RowFunction{"gelu", [](const Variable& x) { return F::gelu(x); }},
                                           RowFunction{"mish", [](const Variable& x) { return F::mish(x); }}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace rensa::cpu
