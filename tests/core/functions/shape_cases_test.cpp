#include <gmock/gmock.h>

#include <optional>

#include "core/functions/joining.h"
#include "core/functions/padding.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "tests/core/functions/function_case.h"

namespace rensa::testing {
namespace {

namespace F = functions;
using V = const Variable&;

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

INSTANTIATE_TEST_SUITE_P(Shape, FunctionCaseTest, ::testing::ValuesIn(shape_cases()), case_name);

}  // namespace
}  // namespace rensa::testing
