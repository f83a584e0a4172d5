#include <gmock/gmock.h>

#include "core/error.h"
#include "core/functions/indexing.h"
#include "core/functions/ordering.h"
#include "core/functions/reduction.h"
#include "core/kernels/indexing.h"
#include "tests/core/functions/function_case.h"

namespace rensa::testing {
namespace {

namespace F = functions;
using ::testing::ElementsAre;
using V = const Variable&;

Array indices(std::initializer_list<std::int64_t> values) { return array(values); }
Array mask() { return array<std::int32_t>({1, 0, 1, 0, 1, 1}, {2, 3}).to(Dtype::kBool); }
Array every_third(const Shape& shape) {
  return kernels::compare(labels(shape, 3), zeros(shape, Dtype::kInt64), kernels::Comparison::kEqual);
}

std::vector<FunctionCase> indexing_cases() {
  return {
      {.name = "get_item",
       .f = of([](V x) { return F::get_item(x, {Slice{.start = 1}, NewAxis{}, std::int64_t{-1}, Slice{.step = 2}}); }),
       .inputs = {{"a4c"}},
       .may_be_empty = "ac",
       .refusals = {{"get_item: 2 axes", [] { F::get_item(zeros({2}), {Slice{}, Slice{}}); }}}},
      {.name = "get_item__arrays",
       .f = of([](V x) { return F::get_item(x, {indices({2, 0, 2}), Slice{}, indices({-1, 3, 0})}); }),
       .inputs = {{"3b5"}},
       .may_be_empty = "b",
       .refusals = {{"get_item: index 3 at place 0 is out of range, expected -2 to 1",
                     [] { F::get_item(zeros({2}), {indices({3})}); }}}},
      {.name = "get_item__array_inside",
       .f = of([](V x) {
         return F::get_item(x, {Ellipsis{}, array<std::int64_t>({2, 0, 1, 1}, {2, 2}), Slice{.start = 1, .stop = 4}});
       }),
       .inputs = {{"a45"}},
       .may_be_empty = "a",
       .refusals = {{"index: an index array is float32", [] { F::get_item(zeros({2}), {zeros({1})}); }}}},
      {.name = "get_item__mask",
       .f = of([](V x) { return F::get_item(x, {mask()}); }),
       .inputs = {{"23"}},
       .refusals = {{"a bool index has shape (2, 3)", [] { F::get_item(zeros({3, 2}), {mask()}); }}}},
      {.name = "scatter_add",
       .f = of([](V a, V b) { return F::scatter_add(a, {indices({2, 0, 2})}, b); }),
       .inputs = {{"4c"}, {"3c"}},
       .may_be_empty = "c",
       .refusals = {{"index: 4 is outside axis 0", [] { F::scatter_add(zeros({4}), {indices({4})}, zeros({1})); }}}},
      {.name = "take",
       .f = of([](V x) { return F::take(x, array<std::int64_t>({3, 0, -1, 3}, {2, 2}), 1); }),
       .inputs = {{"a4c"}},
       .may_be_empty = "ac",
       .refusals = {{"take: index 2 at place 1", [] { F::take(zeros({2}), indices({0, 2})); }}}},
      {.name = "gather",
       .f = of([](V x) { return F::gather(x, labels({x.shape()[0], 4}, 5), 1); }),
       .inputs = {{"a5"}},
       .may_be_empty = "a",
       .refusals = {{"gather: the indices are (1,)", [] { F::gather(zeros({2, 3}), indices({0}), 1); }}}},
      {.name = "scatter",
       .f = of([](V x) { return F::scatter(x, labels(x.shape(), 6), 1, 6); }),
       .inputs = {{"ab"}},
       .may_be_empty = "ab",
       .refusals = {{"scatter: x is (2,)", [] { F::scatter(zeros({2}), indices({0}), 0, 3); }}}},
      {.name = "select_item",
       .f = of([](V x) { return F::select_item(x, labels({x.shape()[0]}, 5)); }),
       .inputs = {{"a5"}},
       .may_be_empty = "a",
       .refusals = {{"select_item: expected x (batch", [] { F::select_item(zeros({2, 3}), indices({0})); }}}},
      {.name = "permutate",
       .f = of([](V x) { return F::permutate(x, indices({2, 0, 3, 1})); }),
       .inputs = {{"4a"}},
       .may_be_empty = "a",
       .refusals = {{"index 0 comes twice", [] { F::permutate(zeros({2}), indices({0, 0})); }}}},
      {.name = "permutate__inverse",
       .f = of([](V x) { return F::permutate(x, indices({2, 0, 3, 1}), 0, true); }),
       .inputs = {{"4a"}},
       .may_be_empty = "a",
       .refusals = {{"permutate: the indices are (1,)", [] { F::permutate(zeros({2}), indices({0})); }}}},
      {.name = "where",
       .f = of([](V a, V b) { return F::where(every_third({a.shape()[1], a.shape()[2]}), a, b); }),
       .inputs = {{"abc"}, {"c"}},
       .may_be_empty = "abc",
       .refusals = {{"where: the condition is int32",
                     [] { F::where(zeros({2}, Dtype::kInt32), zeros({2}), zeros({2})); }}}},
      {.name = "embed_id",
       .f = of([](V W) { return F::embed_id(labels({3, 2}, 6), W); }),
       .inputs = {{"6a"}},
       .may_be_empty = "a",
       .refusals = {{"embed_id: index -1", [] { F::embed_id(indices({-1}), zeros({2, 2})); }}}},
      {.name = "sort",
       .f = of([](V x) { return F::sort(x, 1); }),
       .inputs = {{"abc"}},
       .may_be_empty = "abc",
       .refusals = {{"argsort: axis 1", [] { F::sort(zeros({2}), 1); }}}},
      {.name = "sort__descending",
       .f = of([](V x) { return F::sort(x, -1, true); }),
       .inputs = {{"ab"}},
       .may_be_empty = "ab",
       .refusals = {{"argsort: axis 1", [] { F::sort(zeros({2}), 1, true); }}}},
      {.name = "top_k",
       .f = of([](V x) { return F::top_k(x, 2).values; }),
       .inputs = {{"a5"}},
       .may_be_empty = "a",
       .refusals = {{"top_k: k is 3", [] { F::top_k(zeros({2}), 3); }}}},
      {.name = "cumsum",
       .f = of([](V x) { return F::cumsum(x, 1); }),
       .inputs = {{"abc"}},
       .may_be_empty = "abc",
       .refusals = {{"cumsum: axis 1", [] { F::cumsum(zeros({2}), 1); }}}},
      {.name = "cumsum__all",
       .f = of([](V x) { return F::cumsum(x); }),
       .inputs = {{"ab"}},
       .may_be_empty = "ab",
       .refusals = {{"cumsum", [] { F::cumsum(zeros({2}, Dtype::kInt32)); }}}},
      {.name = "cumprod",
       .f = of([](V x) { return F::cumprod(x, 1); }),
       .inputs = {{"abc", 0.5, 2}},
       .may_be_empty = "abc",
       .refusals = {{"cumprod: axis 1", [] { F::cumprod(zeros({2}), 1); }}}},
  };
}

INSTANTIATE_TEST_SUITE_P(Indexing, FunctionCaseTest, ::testing::ValuesIn(indexing_cases()), case_name);

TEST(OrderingTest, FindsPositionsOfExtremes) {
  const Array x = array<float>({3, 7, 7, 1, NAN, 2}, {2, 3});
  EXPECT_THAT(to_vector<std::int64_t>(F::argmax(x, 1)), ElementsAre(1, 1));
  EXPECT_THAT(to_vector<std::int64_t>(F::argmin(x, 0)), ElementsAre(1, 1, 1));
  EXPECT_EQ(F::argmax(array<std::int32_t>({5, 9, 1})).item<std::int64_t>(), 1);
  EXPECT_THROW(F::argmax(zeros({0})), ValueError);
}

TEST(OrderingTest, SortsStablyWithNotANumberLast) {
  EXPECT_THAT(to_vector<std::int64_t>(F::argsort(array<float>({2, NAN, 1, 2}))), ElementsAre(2, 0, 3, 1));
  EXPECT_THAT(to_vector<std::int64_t>(F::argsort(array<std::int32_t>({2, 3, 1, 2}), -1, true)),
              ElementsAre(1, 0, 3, 2));
}

TEST(OneHotTest, PutsAOneAtEachClassAndRefusesOthers) {
  EXPECT_THAT(to_vector<float>(F::one_hot(array<std::int32_t>({2, 0}), 3)), ElementsAre(0, 0, 1, 1, 0, 0));
  EXPECT_THROW(F::one_hot(array<std::int32_t>({3}), 3), IndexError);
}

TEST(EmbedIdTest, IgnoredPlacesAreZeroAndGiveNoGradient) {
  const Variable W(ones({2, 2}), /*requires_grad=*/true);
  const Variable y = F::embed_id(array<std::int32_t>({1, -1}), W, {.ignore_label = -1});
  EXPECT_THAT(to_vector<float>(y.array()), ElementsAre(1, 1, 0, 0));
  F::sum(y).backward();
  EXPECT_THAT(to_vector<float>(W.grad()), ElementsAre(0, 0, 1, 1));
}

}  // namespace
}  // namespace rensa::testing
