#include <gmock/gmock.h>

#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/indexing.h"
#include "core/functions/joining.h"
#include "core/functions/ordering.h"
#include "core/functions/padding.h"
#include "core/functions/rearrangement.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
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

std::vector<FunctionCase> shape_cases() {
  return {
      {.name = "reshape",
       .f = of([](V x) {
         return F::reshape(x, {x.shape()[2], -1});
       }),
       .inputs = {{"ab5"}},
       .refusals = {{"reshape: (2, 3)",
                     [] {
                       F::reshape(zeros({2, 3}), {4, 2});
                     }}}},
      {.name = "transpose",
       .f = of([](V x) {
         return F::transpose(x, {2, 0, 1});
       }),
       .inputs = {{"abc"}},
       .may_be_empty = "abc",
       .refusals = {{"transpose: axes (0, 0)",
                     [] {
                       F::transpose(zeros({2, 3}), {0, 0});
                     }}}},
      {.name = "expand_dims",
       .f = of([](V x) { return F::expand_dims(x, 1); }),
       .inputs = {{"abc"}},
       .may_be_empty = "abc",
       .refusals = {{"expand_dims: axis 4",
                     [] {
                       F::expand_dims(zeros({2, 3}), 4);
                     }}}},
      {.name = "squeeze",
       .f = of([](V x) { return F::squeeze(x, 1); }),
       .inputs = {{"a1b"}},
       .may_be_empty = "ab",
       .refusals = {{"squeeze: axis 0",
                     [] {
                       F::squeeze(zeros({2, 3}), 0);
                     }}}},
      {.name = "slice",
       .f = of([](V x) { return F::slice(x, 1, {.start = 1, .step = 2}); }),
       .inputs = {{"abc"}},
       .may_be_empty = "abc",
       .refusals = {{"step must not be 0", [] { F::slice(zeros({2}), 0, {.step = 0}); }}}},
      {.name = "select",
       .f = of([](V x) { return F::select(x, 1, -2); }),
       .inputs = {{"a4c"}},
       .may_be_empty = "ac",
       .refusals = {{"select: index 3",
                     [] {
                       F::select(zeros({2, 3}), 1, 3);
                     }}}},
      {.name = "concat",
       .f = of([](V a, V b) {
         return F::concat({a, b});
       }),
       .inputs = {{"abd"}, {"acd"}},
       .may_be_empty = "abcd",
       .refusals = {{"concat: along axis 1",
                     [] {
                       F::concat({zeros({2, 3}), zeros({3, 3})});
                     }},
                    {"concat: expected at least one", [] { F::concat({}); }}}},
      {.name = "split_axis",
       .f = of([](V x) {
         return F::split_axis(x, std::vector<std::int64_t>{1, 3}, 1);
       }),
       .inputs = {{"a4c"}},
       .may_be_empty = "ac",
       .refusals = {{"split_axis: position 4",
                     [] {
                       F::split_axis(zeros({2, 3}), std::vector<std::int64_t>{4}, 1);
                     }}}},
      {.name = "split_axis__sections",
       .f = of([](V x) { return F::split_axis(x, 2, 1); }),
       .inputs = {{"a4c"}},
       .may_be_empty = "ac",
       .refusals = {{"cannot be cut into 2",
                     [] {
                       F::split_axis(zeros({2, 3}), 2, 1);
                     }}}},
      {.name = "cast",
       .f = of([](V x) { return F::cast(F::cast(x, Dtype::kFloat32), x.dtype()); }),
       .inputs = {{"abc"}},
       .may_be_empty = "abc",
       .derivatives = 0,
       .tolerance = 1e-6,
       .refusals = {{"unknown name \"float31\"", [] { F::cast(zeros({2}), dtype_from_name("float31")); }}}},
      {.name = "stack",
       .f = of([](V a, V b) {
         return F::stack({a, b}, 1);
       }),
       .inputs = {{"abc"}, {"abc"}},
       .may_be_empty = "abc",
       .refusals = {{"stack: expected equal shapes",
                     [] {
                       F::stack({zeros({2}), zeros({3})});
                     }}}},
      {.name = "separate",
       .f = of([](V x) { return F::separate(x, 1); }),
       .inputs = {{"ab"}},
       .may_be_empty = "a",
       .refusals = {{"separate: axis 2",
                     [] {
                       F::separate(zeros({2, 3}), 2);
                     }}}},
      {.name = "hstack",
       .f = of([](V a, V b) {
         return F::hstack({a, b});
       }),
       .inputs = {{"abd"}, {"acd"}},
       .may_be_empty = "abcd",
       .refusals = {{"hstack: expected at least one", [] { F::hstack({}); }}}},
      {.name = "vstack",
       .f = of([](V a, V b) {
         return F::vstack({a, b});
       }),
       .inputs = {{"b"}, {"ab"}},
       .may_be_empty = "ab",
       .refusals = {{"vstack: expected at least one", [] { F::vstack({}); }}}},
      {.name = "dstack",
       .f = of([](V a, V b) {
         return F::dstack({a, b});
       }),
       .inputs = {{"ab"}, {"ab"}},
       .may_be_empty = "ab",
       .refusals = {{"dstack: expected at least one", [] { F::dstack({}); }}}},
      {.name = "broadcast",
       .f = of([](V a, V b) {
         return F::broadcast({a, b});
       }),
       .inputs = {{"a1"}, {"b"}},
       .may_be_empty = "ab",
       .refusals = {{"broadcast: shapes (2,) and (3,)",
                     [] {
                       F::broadcast({zeros({2}), zeros({3})});
                     }}}},
      {.name = "broadcast_to",
       .f = of([](V x) {
         return F::broadcast_to(x, {2, x.shape()[0], 4});
       }),
       .inputs = {{"a1"}},
       .may_be_empty = "a",
       .refusals = {{"broadcast_to", [] { F::broadcast_to(zeros({2}), {3}); }}}},
      {.name = "sum_to",
       .f = of([](V x) {
         return F::sum_to(x, {x.shape()[1], 1});
       }),
       .inputs = {{"abc"}},
       .may_be_empty = "abc",
       .refusals = {{"reshape",
                     [] {
                       F::sum_to(zeros({2, 3}), {4});
                     }}}},
      {.name = "pad_sequence",
       .f = of([](V a, V b) {
         return F::pad_sequence({a, b}, std::nullopt, -1.5);
       }),
       .inputs = {{"ac"}, {"bc"}},
       .may_be_empty = "abc",
       .refusals = {{"pad_sequence: length is 2", [] { F::pad_sequence({zeros({3})}, 2); }}}},
      {.name = "transpose_sequence",
       .f = of([](V a, V b, V c) {
         return F::transpose_sequence({a, b, c});
       }),
       .inputs = {{"3d"}, {"2d"}, {"2d"}},
       .may_be_empty = "d",
       .refusals = {{"sequence 1 has 3 steps",
                     [] {
                       F::transpose_sequence({zeros({2}), zeros({3})});
                     }}}},
      {.name = "pad",
       .f = of([](V x) {
         return F::pad(x, {{}, {1, 3}, {2, 0}}, F::PadMode::kConstant, 0.5);
       }),
       .inputs = {{"abc"}},
       .may_be_empty = "abc",
       .refusals = {{"pad: widths (-1, 0)",
                     [] {
                       F::pad(zeros({2}), {{-1, 0}});
                     }}}},
      {.name = "pad__edge",
       .f = of([](V x) {
         return F::pad(x, {{}, {2, 3}}, F::PadMode::kEdge);
       }),
       .inputs = {{"ab"}},
       .may_be_empty = "a",
       .refusals = {{"nothing to repeat",
                     [] {
                       F::pad(zeros({0}), {{1, 0}}, F::PadMode::kEdge);
                     }}}},
      {.name = "pad__reflect",
       .f = of([](V x) {
         return F::pad(x, {{}, {5, 3}}, F::PadMode::kReflect);
       }),
       .inputs = {{"ab"}},
       .may_be_empty = "a",
       .refusals = {{"expected one",
                     [] {
                       F::pad(zeros({2, 2, 2}), {{1, 0}, {1, 0}});
                     }}}},
      {.name = "pad__symmetric",
       .f = of([](V x) {
         return F::pad(x, {{}, {5, 3}}, F::PadMode::kSymmetric);
       }),
       .inputs = {{"ab"}},
       .may_be_empty = "a",
       .refusals = {{"nothing to repeat",
                     [] {
                       F::pad(zeros({0}), {{1, 0}}, F::PadMode::kSymmetric);
                     }}}},
  };
}

std::vector<FunctionCase> rearrangement_cases() {
  return {
      {.name = "flatten",
       .f = of([](V x) { return F::flatten(x); }),
       .inputs = {{"abc"}},
       .may_be_empty = "abc",
       .refusals = {{"reshape",
                     [] {
                       F::reshape(F::flatten(zeros({2, 3})), {7});
                     }}}},
      {.name = "copy",
       .f = of([](V x) { return F::copy(x); }),
       .inputs = {{"abc"}},
       .may_be_empty = "abc",
       .refusals = {{"copy: there is no array", [] { F::copy(Variable()); }}}},
      {.name = "flip",
       .f = of([](V x) { return F::flip(x, 2); }),
       .inputs = {{"abc"}},
       .may_be_empty = "abc",
       .refusals = {{"flip: axis 1", [] { F::flip(zeros({2}), 1); }}}},
      {.name = "fliplr",
       .f = of([](V x) { return F::fliplr(x); }),
       .inputs = {{"abc"}},
       .may_be_empty = "abc",
       .refusals = {{"fliplr: axis 1", [] { F::fliplr(zeros({2})); }}}},
      {.name = "flipud",
       .f = of([](V x) { return F::flipud(x); }),
       .inputs = {{"abc"}},
       .may_be_empty = "abc",
       .refusals = {{"flipud: axis 0", [] { F::flipud(zeros({})); }}}},
      {.name = "swapaxes",
       .f = of([](V x) { return F::swapaxes(x, 0, 2); }),
       .inputs = {{"abc"}},
       .may_be_empty = "abc",
       .refusals = {{"swapaxes: axis 2",
                     [] {
                       F::swapaxes(zeros({2, 3}), 0, 2);
                     }}}},
      {.name = "moveaxis",
       .f = of([](V x) {
         return F::moveaxis(x, {0, 1}, {2, 0});
       }),
       .inputs = {{"abc"}},
       .may_be_empty = "abc",
       .refusals = {{"named twice",
                     [] {
                       F::moveaxis(zeros({2, 3}), {0, 0}, {0, 1});
                     }}}},
      {.name = "rollaxis",
       .f = of([](V x) { return F::rollaxis(x, 2); }),
       .inputs = {{"abc"}},
       .may_be_empty = "abc",
       .refusals = {{"rollaxis: axis 3",
                     [] {
                       F::rollaxis(zeros({2, 3}), 3);
                     }}}},
      {.name = "repeat",
       .f = of([](V x) { return F::repeat(x, 3, 1); }),
       .inputs = {{"abc"}},
       .may_be_empty = "abc",
       .refusals = {{"repeat: axis 1", [] { F::repeat(zeros({2}), 3, 1); }}}},
      {.name = "repeat__counts",
       .f = of([](V x) {
         return F::repeat(x, std::vector<std::int64_t>{2, 0, 3, 1}, 1);
       }),
       .inputs = {{"a4"}},
       .may_be_empty = "a",
       .refusals = {{"1 counts for axis 0", [] { F::repeat(zeros({2}), std::vector<std::int64_t>{1}, 0); }}}},
      {.name = "tile",
       .f = of([](V x) {
         return F::tile(x, {2, 1, 3});
       }),
       .inputs = {{"ab"}},
       .may_be_empty = "ab",
       .refusals = {{"tile: a count is -1", [] { F::tile(zeros({2}), {-1}); }}}},
      {.name = "diagonal",
       .f = of([](V x) { return F::diagonal(x, -1, 2, 0); }),
       .inputs = {{"abc"}},
       .may_be_empty = "b",
       .refusals = {{"both 0",
                     [] {
                       F::diagonal(zeros({2, 2}), 0, 0, 0);
                     }}}},
      {.name = "as_strided",
       .f = of([](V x) {
         return F::as_strided(x, {2, 3}, {4, 2}, 1);
       }),
       .inputs = {{"34"}},
       .refusals = {{"as_strided: elements 0 to 3", [] { F::as_strided(zeros({3}), {4}, {1}); }}}},
      {.name = "depth2space",
       .f = of([](V x) { return F::depth2space(x, 2); }),
       .inputs = {{"a8bc"}},
       .may_be_empty = "abc",
       .refusals = {{"depth2space: x is (1, 6, 1, 1)",
                     [] {
                       F::depth2space(zeros({1, 6, 1, 1}), 2);
                     }}}},
      {.name = "space2depth",
       .f = of([](V x) { return F::space2depth(x, 2); }),
       .inputs = {{"ab46"}},
       .may_be_empty = "ab",
       .refusals = {{"space2depth: x is (1, 1, 3, 2)",
                     [] {
                       F::space2depth(zeros({1, 1, 3, 2}), 2);
                     }}}},
  };
}

std::vector<FunctionCase> indexing_cases() {
  return {
      {.name = "get_item",
       .f = of([](V x) {
         return F::get_item(x, {Slice{.start = 1}, NewAxis{}, std::int64_t{-1}, Slice{.step = 2}});
       }),
       .inputs = {{"a4c"}},
       .may_be_empty = "ac",
       .refusals = {{"get_item: 2 axes",
                     [] {
                       F::get_item(zeros({2}), {Slice{}, Slice{}});
                     }}}},
      {.name = "get_item__arrays",
       .f = of([](V x) {
         return F::get_item(x, {indices({2, 0, 2}), Slice{}, indices({-1, 3, 0})});
       }),
       .inputs = {{"3b5"}},
       .may_be_empty = "b",
       .refusals = {{"get_item: index 3 at place 0 is out of range, expected -2 to 1", [] { F::get_item(zeros({2}), {indices({3})}); }}}},
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
       .refusals = {{"a bool index has shape (2, 3)",
                     [] {
                       F::get_item(zeros({3, 2}), {mask()});
                     }}}},
      {.name = "scatter_add",
       .f = of([](V a, V b) {
         return F::scatter_add(a, {indices({2, 0, 2})}, b);
       }),
       .inputs = {{"4c"}, {"3c"}},
       .may_be_empty = "c",
       .refusals = {{"index: 4 is outside axis 0", [] { F::scatter_add(zeros({4}), {indices({4})}, zeros({1})); }}}},
      {.name = "take",
       .f = of([](V x) {
         return F::take(x, array<std::int64_t>({3, 0, -1, 3}, {2, 2}), 1);
       }),
       .inputs = {{"a4c"}},
       .may_be_empty = "ac",
       .refusals = {{"take: index 2 at place 1",
                     [] {
                       F::take(zeros({2}), indices({0, 2}));
                     }}}},
      {.name = "gather",
       .f = of([](V x) {
         return F::gather(x, labels({x.shape()[0], 4}, 5), 1);
       }),
       .inputs = {{"a5"}},
       .may_be_empty = "a",
       .refusals = {{"gather: the indices are (1,)",
                     [] {
                       F::gather(zeros({2, 3}), indices({0}), 1);
                     }}}},
      {.name = "scatter",
       .f = of([](V x) { return F::scatter(x, labels(x.shape(), 6), 1, 6); }),
       .inputs = {{"ab"}},
       .may_be_empty = "ab",
       .refusals = {{"scatter: x is (2,)", [] { F::scatter(zeros({2}), indices({0}), 0, 3); }}}},
      {.name = "select_item",
       .f = of([](V x) { return F::select_item(x, labels({x.shape()[0]}, 5)); }),
       .inputs = {{"a5"}},
       .may_be_empty = "a",
       .refusals = {{"select_item: expected x (batch",
                     [] {
                       F::select_item(zeros({2, 3}), indices({0}));
                     }}}},
      {.name = "permutate",
       .f = of([](V x) {
         return F::permutate(x, indices({2, 0, 3, 1}));
       }),
       .inputs = {{"4a"}},
       .may_be_empty = "a",
       .refusals = {{"index 0 comes twice",
                     [] {
                       F::permutate(zeros({2}), indices({0, 0}));
                     }}}},
      {.name = "permutate__inverse",
       .f = of([](V x) {
         return F::permutate(x, indices({2, 0, 3, 1}), 0, true);
       }),
       .inputs = {{"4a"}},
       .may_be_empty = "a",
       .refusals = {{"permutate: the indices are (1,)", [] { F::permutate(zeros({2}), indices({0})); }}}},
      {.name = "where",
       .f = of([](V a, V b) {
         return F::where(every_third({a.shape()[1], a.shape()[2]}), a, b);
       }),
       .inputs = {{"abc"}, {"c"}},
       .may_be_empty = "abc",
       .refusals = {{"where: the condition is int32",
                     [] { F::where(zeros({2}, Dtype::kInt32), zeros({2}), zeros({2})); }}}},
      {.name = "embed_id",
       .f = of([](V W) {
         return F::embed_id(labels({3, 2}, 6), W);
       }),
       .inputs = {{"6a"}},
       .may_be_empty = "a",
       .refusals = {{"embed_id: index -1",
                     [] {
                       F::embed_id(indices({-1}), zeros({2, 2}));
                     }}}},
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

INSTANTIATE_TEST_SUITE_P(Shape, FunctionCaseTest, ::testing::ValuesIn(shape_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Rearrangement, FunctionCaseTest, ::testing::ValuesIn(rearrangement_cases()), case_name);
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
