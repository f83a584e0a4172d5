#include <gmock/gmock.h>

#include "core/functions/rearrangement.h"
#include "core/functions/shape.h"
#include "tests/core/functions/function_case.h"

namespace rensa::testing {
namespace {

namespace F = functions;
using V = const Variable&;

std::vector<FunctionCase> rearrangement_cases() {
  return {
      {.name = "flatten",
       .f = of([](V x) { return F::flatten(x); }),
       .inputs = {{"abc"}},
       .may_be_empty = "abc",
       .refusals = {{"reshape", [] { F::reshape(F::flatten(zeros({2, 3})), {7}); }}}},
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
       .refusals = {{"swapaxes: axis 2", [] { F::swapaxes(zeros({2, 3}), 0, 2); }}}},
      {.name = "moveaxis",
       .f = of([](V x) { return F::moveaxis(x, {0, 1}, {2, 0}); }),
       .inputs = {{"abc"}},
       .may_be_empty = "abc",
       .refusals = {{"named twice", [] { F::moveaxis(zeros({2, 3}), {0, 0}, {0, 1}); }}}},
      {.name = "rollaxis",
       .f = of([](V x) { return F::rollaxis(x, 2); }),
       .inputs = {{"abc"}},
       .may_be_empty = "abc",
       .refusals = {{"rollaxis: axis 3", [] { F::rollaxis(zeros({2, 3}), 3); }}}},
      {.name = "repeat",
       .f = of([](V x) { return F::repeat(x, 3, 1); }),
       .inputs = {{"abc"}},
       .may_be_empty = "abc",
       .refusals = {{"repeat: axis 1", [] { F::repeat(zeros({2}), 3, 1); }}}},
      {.name = "repeat__counts",
       .f = of([](V x) { return F::repeat(x, std::vector<std::int64_t>{2, 0, 3, 1}, 1); }),
       .inputs = {{"a4"}},
       .may_be_empty = "a",
       .refusals = {{"1 counts for axis 0", [] { F::repeat(zeros({2}), std::vector<std::int64_t>{1}, 0); }}}},
      {.name = "tile",
       .f = of([](V x) { return F::tile(x, {2, 1, 3}); }),
       .inputs = {{"ab"}},
       .may_be_empty = "ab",
       .refusals = {{"tile: a count is -1", [] { F::tile(zeros({2}), {-1}); }}}},
      {.name = "diagonal",
       .f = of([](V x) { return F::diagonal(x, -1, 2, 0); }),
       .inputs = {{"abc"}},
       .may_be_empty = "b",
       .refusals = {{"both 0", [] { F::diagonal(zeros({2, 2}), 0, 0, 0); }}}},
      {.name = "as_strided",
       .f = of([](V x) { return F::as_strided(x, {2, 3}, {4, 2}, 1); }),
       .inputs = {{"34"}},
       .refusals = {{"as_strided: elements 0 to 3", [] { F::as_strided(zeros({3}), {4}, {1}); }}}},
      {.name = "depth2space",
       .f = of([](V x) { return F::depth2space(x, 2); }),
       .inputs = {{"a8bc"}},
       .may_be_empty = "abc",
       .refusals = {{"depth2space: x is (1, 6, 1, 1)", [] { F::depth2space(zeros({1, 6, 1, 1}), 2); }}}},
      {.name = "space2depth",
       .f = of([](V x) { return F::space2depth(x, 2); }),
       .inputs = {{"ab46"}},
       .may_be_empty = "ab",
       .refusals = {{"space2depth: x is (1, 1, 3, 2)", [] { F::space2depth(zeros({1, 1, 3, 2}), 2); }}}},
  };
}

INSTANTIATE_TEST_SUITE_P(Rearrangement, FunctionCaseTest, ::testing::ValuesIn(rearrangement_cases()), case_name);

}  // namespace
}  // namespace rensa::testing
