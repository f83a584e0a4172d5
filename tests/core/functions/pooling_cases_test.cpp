#include <gmock/gmock.h>

#include <array>
#include <cstdint>
#include <vector>

#include "core/autograd/gradient_check.h"
#include "core/functions/pooling.h"
#include "core/functions/pooling_nd.h"
#include "tests/core/functions/function_case.h"

namespace rensa::testing {
namespace {

namespace F = functions;
using V = const Variable&;

std::vector<FunctionCase> pooling_cases() {
  const F::PoolingOptions two = {.kernel = {3, 3}, .stride = std::array<std::int64_t, 2>{2, 2}, .pad = {1, 1}};
  return {
      {.name = "max_pooling_2d",
       .f = of([=](V x) { return F::max_pooling_2d(x, two); }),
       .inputs = {{"ab56"}},
       .may_be_empty = "ab",
       .refusals = {{"max_pooling_2d: expected x", [] { F::max_pooling_2d(zeros({1, 2, 3})); }}}},
      {.name = "average_pooling_2d",
       .f = of([=](V x) { return F::average_pooling_2d(x, two); }),
       .inputs = {{"ab56"}},
       .may_be_empty = "ab",
       .refusals = {{"average_pooling_2d: expected x", [] { F::average_pooling_2d(zeros({1, 2, 3})); }}}},
      {.name = "max_pooling_1d",
       .f = of([](V x) { return F::max_pooling_1d(x, 3, {.stride = {2}, .pad = {1}}); }),
       .inputs = {{"ab7"}},
       .may_be_empty = "ab",
       .refusals = {{"max_pooling_1d: expected x", [] { F::max_pooling_1d(zeros({1, 2, 3, 4}), 2); }}}},
      {.name = "max_pooling_3d",
       .f = of([](V x) { return F::max_pooling_3d(x, {2}); }),
       .inputs = {{"ab453"}},
       .may_be_empty = "ab",
       .refusals = {{"max_pooling_3d: expected x", [] { F::max_pooling_3d(zeros({1, 2, 3, 4}), {2}); }}}},
      {.name = "max_pooling_nd",
       .f = of([](V x) { return F::max_pooling_nd(x, {2, 3, 2}, {.stride = {1}, .pad = {1, 1, 0}}); }),
       .inputs = {{"ab453"}},
       .may_be_empty = "ab",
       .refusals = {{"covers none", [] { F::max_pooling_nd(zeros({1, 1, 3}), {2}, {.pad = {2}}); }}}},
      {.name = "average_pooling_1d",
       .f = of([](V x) { return F::average_pooling_1d(x, 3, {.stride = {2}, .pad = {1}}); }),
       .inputs = {{"ab7"}},
       .may_be_empty = "ab",
       .refusals = {{"average_pooling_1d: expected x", [] { F::average_pooling_1d(zeros({1, 2, 3, 4}), 2); }},
                    {"pad_value is 1", [] { F::average_pooling_1d(zeros({1, 2, 3}), 2, {.pad_value = 1}); }}}},
      {.name = "average_pooling_3d",
       .f = of([](V x) { return F::average_pooling_3d(x, {2}, {.stride = {1}}); }),
       .inputs = {{"ab453"}},
       .may_be_empty = "ab",
       .refusals = {{"average_pooling_3d: expected x", [] { F::average_pooling_3d(zeros({1, 2, 3, 4}), {2}); }}}},
      {.name = "average_pooling_nd",
       .f = of([](V x) { return F::average_pooling_nd(x, {2, 3, 2}, {.stride = {1}, .pad = {1, 1, 0}}); }),
       .inputs = {{"ab453"}},
       .may_be_empty = "ab",
       .refusals = {{"average_pooling_nd: kernel 0",
                     [] { F::average_pooling_nd(zeros({1, 1, 3}), {0}, {.stride = {1}}); }}}},
      {.name = "unpooling_2d",
       .f = of([](V x) { return F::unpooling_2d(x, {3}, {.stride = {2}}); }),
       .inputs = {{"ab23"}},
       .may_be_empty = "ab",
       .refusals = {{"an output of 9 has 4 windows",
                     [] { F::unpooling_2d(zeros({1, 1, 2, 2}), {3}, {.stride = {2}, .outsize = {9}}); }}}},
      {.name = "unpooling_1d",
       .f = of([](V x) { return F::unpooling_1d(x, 2); }),
       .inputs = {{"ab4"}},
       .may_be_empty = "ab",
       .refusals = {{"unpooling_1d: expected x", [] { F::unpooling_1d(zeros({1, 2}), 2); }}}},
      {.name = "unpooling_3d",
       .f = of([](V x) { return F::unpooling_3d(x, {2}, {.cover_all = false}); }),
       .inputs = {{"ab232"}},
       .may_be_empty = "ab",
       .refusals = {{"unpooling_3d: expected x", [] { F::unpooling_3d(zeros({1, 2, 3}), {2}); }}}},
      {.name = "unpooling_nd",
       .f = of([](V x) { return F::unpooling_nd(x, {3}, {.cover_all = false}); }),
       .inputs = {{"ab4"}},
       .may_be_empty = "ab",
       .refusals = {{"unpooling_nd: expected x", [] { F::unpooling_nd(zeros({1, 2}), {2}); }}}},
      {.name = "upsampling_2d",
       .f = of([](V x) {
         const Array indices = array<std::int64_t>({1, 0, 0, 3, 0, 3, 0, 1}, {1, 2, 2, 2});
         return F::upsampling_2d(x, indices, {2}, {.outsize = {4, 4}, .cover_all = false});
       }),
       .inputs = {{"1222"}},
       .refusals = {{"index 4 is outside",
                     [] {
                       F::upsampling_2d(zeros({1, 1, 1, 1}), full({1, 1, 1, 1}, 4, Dtype::kInt64), {2},
                                        {.cover_all = false});
                     }}}},
      {.name = "spatial_pyramid_pooling_2d",
       .f = of([](V x) { return F::spatial_pyramid_pooling_2d(x, 2); }),
       .inputs = {{"ab46"}},
       .refusals = {{"levels is 0", [] { F::spatial_pyramid_pooling_2d(zeros({1, 1, 4, 4}), 0); }}}},
  };
}

INSTANTIATE_TEST_SUITE_P(Pooling, FunctionCaseTest, ::testing::ValuesIn(pooling_cases()), case_name);

TEST(PoolingNdTest, AWindowMayBeLongerThanItsAxisButNotWithoutElements) {
  const Variable x(array<double>({7}, {1, 1, 1}));
  EXPECT_EQ(F::max_pooling_1d(x, 2).item<double>(), 7);
  EXPECT_THAT(to_vector<double>(F::unpooling_1d(x, 2).array()), ::testing::ElementsAre(7));
  EXPECT_THROW(F::max_pooling_1d(x, 2, {.cover_all = false}), ShapeError);
  const Variable none(zeros({1, 1, 0}, Dtype::kFloat64));
  EXPECT_THROW(F::max_pooling_1d(none, 2, {.pad = {1}}), ShapeError);
  EXPECT_THROW(F::average_pooling_1d(none, 2, {.pad = {1}, .pad_value = std::nullopt}), ShapeError);
  EXPECT_THROW(F::max_pooling_indices(none.array(), {2}, {.pad = {1}}), ShapeError);
}

TEST(PoolingNdTest, IndicesAreThoseOfItsLargestElementsInSixteenBitsToo) {
  const Array x = array<float>({1, 5, 9, 2}, {1, 1, 4});
  for (const Dtype dtype : {Dtype::kFloat32, Dtype::kFloat16, Dtype::kBFloat16}) {
    EXPECT_THAT(to_vector<std::int64_t>(F::max_pooling_indices(x.to(dtype), {2})), ::testing::ElementsAre(1, 0));
  }
}

/// Bins of an n × n picture of 0, 1, 2 …, level by level, given the last row (and column) of each bin.
void expect_pyramid(std::int64_t n, const std::vector<std::vector<std::int64_t>>& levels) {
  std::vector<std::int64_t> expected;
  for (const auto& last : levels) {
    for (const std::int64_t row : last) {
      for (const std::int64_t column : last) expected.push_back(row * n + column);
    }
  }
  const Variable x(arange(n * n).reshape({1, 1, n, n}).to(Dtype::kFloat32));
  const Variable y = F::spatial_pyramid_pooling_2d(x, static_cast<int>(levels.size()));
  EXPECT_EQ(y.shape(), Shape({1, static_cast<std::int64_t>(expected.size()), 1, 1}));
  EXPECT_EQ(to_vector<std::int64_t>(y.array()), expected) << n;
}

TEST(SpatialPyramidPooling2DTest, OddPicturesHaveChainersWindows) {
  expect_pyramid(3, {{2}, {1, 2}});
  expect_pyramid(7, {{6}, {3, 6}, {1, 3, 5, 6}});
  expect_pyramid(13, {{12}, {6, 12}, {2, 6, 10, 12}});
}

TEST(SpatialPyramidPooling2DTest, WhereSuchAWindowWouldHoldNothingPartsAreCut) {
  expect_pyramid(3, {{2}, {1, 2}, {0, 1, 2, 2}});
  expect_pyramid(5, {{4}, {2, 4}, {1, 2, 3, 4}});
  const Variable x(random_array({2, 1, 5, 8}, 1));
  check_gradient([](const Variable& v) { return F::spatial_pyramid_pooling_2d(v, 3); }, x.array());
}

}  // namespace
}  // namespace rensa::testing
