#include <gmock/gmock.h>

#include "core/functions/convolution_nd.h"
#include "core/functions/linear.h"
#include "tests/core/functions/function_case.h"

namespace rensa::testing {
namespace {

namespace F = functions;
using V = const Variable&;

std::vector<FunctionCase> convolution_cases() {
  return {
      {.name = "linear",
       .f = of([](V x, V W, V b) { return F::linear(x, W, &b); }),
       .inputs = {{"ab"}, {"cb"}, {"c"}},
       .may_be_empty = "ac",
       .refusals = {{"linear: x has 3 features", [] { F::linear(zeros({2, 3}), zeros({2, 4})); }}}},
      {.name = "linear__batch_axes",
       .f = of([](V x, V W, V b) { return F::linear(x, W, &b, 2); }),
       .inputs = {{"adb"}, {"cb"}, {"c"}},
       .may_be_empty = "acd",
       .refusals = {{"linear: n_batch_axes is 2", [] { F::linear(zeros({2, 3}), zeros({2, 3}), nullptr, 2); }}}},
      {.name = "convolution_2d",
       .f = of(
           [](V x, V W, V b) { return F::convolution_2d(x, W, &b, {.stride = {2, 1}, .pad = {1, 1}, .groups = 2}); }),
       .inputs = {{"a465"}, {"6232"}, {"6"}},
       .may_be_empty = "a",
       .refusals = {{"convolution_2d: x has 3 channels",
                     [] { F::convolution_2d(zeros({1, 3, 4, 4}), zeros({1, 2, 3, 3})); }}}},
      {.name = "convolution_nd",
       .f = of(
           [](V x, V W, V b) { return F::convolution_nd(x, W, &b, {.stride = {2}, .pad = {1}, .cover_all = true}); }),
       .inputs = {{"a365"}, {"4333"}, {"4"}},
       .may_be_empty = "a",
       .refusals = {{"convolution_nd: 3 numbers for 2",
                     [] {
                       F::convolution_nd(zeros({1, 1, 4, 4}), zeros({1, 1, 3, 3}), nullptr, {.stride = {1, 2, 3}});
                     }}}},
      {.name = "convolution_1d",
       .f = of([](V x, V W, V b) {
         return F::convolution_1d(x, W, &b, {.stride = {2}, .pad = {2}, .dilate = {2}, .groups = 2});
       }),
       .inputs = {{"a47"}, {"623"}, {"6"}},
       .may_be_empty = "a",
       .refusals = {{"convolution_1d: expected x",
                     [] { F::convolution_1d(zeros({1, 3, 4, 4}), zeros({1, 3, 3, 3})); }}}},
      {.name = "convolution_3d",
       .f = of([](V x, V W, V b) { return F::convolution_3d(x, W, &b, {.stride = {2, 1, 1}, .pad = {1, 0, 1}}); }),
       .inputs = {{"a2453"}, {"32322"}, {"3"}},
       .may_be_empty = "a",
       .refusals = {{"convolution_3d: expected x", [] { F::convolution_3d(zeros({1, 3, 4}), zeros({1, 3, 3})); }}}},
      {.name = "dilated_convolution_2d",
       .f = of([](V x, V W, V b) { return F::dilated_convolution_2d(x, W, &b, 1, 1, 2); }),
       .inputs = {{"a376"}, {"4332"}, {"4"}},
       .may_be_empty = "a",
       .refusals = {{"convolution_2d: stride 1, pad 0, dilate 0",
                     [] { F::dilated_convolution_2d(zeros({1, 1, 3, 3}), zeros({1, 1, 1, 1}), nullptr, 1, 0, 0); }}}},
      {.name = "deconvolution_2d",
       .f = of([](V x, V W, V b) { return F::deconvolution_2d(x, W, &b, {.stride = {2}, .pad = {1}, .groups = 2}); }),
       .inputs = {{"a434"}, {"4332"}, {"6"}},
       .may_be_empty = "a",
       .refusals = {{"deconvolution_2d: x has 3 channels",
                     [] { F::deconvolution_2d(zeros({1, 3, 4, 4}), zeros({4, 2, 3, 3})); }},
                    {"deconvolution_2d: an output of -1 elements",
                     [] { F::deconvolution_2d(zeros({1, 1, 1, 1}), zeros({1, 1, 1, 1}), nullptr, {.pad = {1}}); }},
                    {"deconvolution_2d: W is (1, 0, 1, 1)",
                     [] { F::deconvolution_2d(zeros({1, 1, 2, 2}), zeros({1, 0, 1, 1})); }}}},
      {.name = "deconvolution_2d__outsize",
       .f = of(
           [](V x, V W) { return F::deconvolution_2d(x, W, nullptr, {.stride = {2}, .pad = {1}, .outsize = {6, 7}}); }),
       .inputs = {{"a434"}, {"4333"}},
       .may_be_empty = "a",
       .refusals = {{"an output of 9 has 5 windows",
                     [] {
                       F::deconvolution_2d(zeros({1, 1, 3, 3}), zeros({1, 1, 3, 3}), nullptr,
                                           {.stride = {2}, .pad = {1}, .outsize = {9}});
                     }}}},
      {.name = "deconvolution_1d",
       .f = of([](V x, V W, V b) { return F::deconvolution_1d(x, W, &b, {.stride = {2}, .pad = {1}}); }),
       .inputs = {{"a45"}, {"433"}, {"3"}},
       .may_be_empty = "a",
       .refusals = {{"deconvolution_1d: b is (2,)",
                     [] {
                       const Variable b(zeros({2}));
                       F::deconvolution_1d(zeros({1, 1, 3}), zeros({1, 1, 3}), &b);
                     }}}},
      {.name = "deconvolution_3d",
       .f = of([](V x, V W, V b) { return F::deconvolution_3d(x, W, &b, {.stride = {2}, .pad = {1, 0, 0}}); }),
       .inputs = {{"a2323"}, {"23322"}, {"3"}},
       .may_be_empty = "a",
       .refusals = {{"deconvolution_3d: expected x", [] { F::deconvolution_3d(zeros({1, 3, 4}), zeros({3, 1, 3})); }}}},
      {.name = "deconvolution_nd",
       .f = of([](V x, V W) { return F::deconvolution_nd(x, W); }),
       .inputs = {{"a2233"}, {"22222"}},
       .may_be_empty = "a",
       .refusals = {{"deconvolution_nd: expected x", [] { F::deconvolution_nd(zeros({1, 3}), zeros({3, 1})); }}}},
      {.name = "depthwise_convolution_2d",
       .f = of([](V x, V W, V b) { return F::depthwise_convolution_2d(x, W, &b, 2, 1); }),
       .inputs = {{"a356"}, {"2333"}, {"6"}},
       .may_be_empty = "a",
       .refusals = {{"depthwise_convolution_2d: expected x",
                     [] { F::depthwise_convolution_2d(zeros({1, 3, 4, 4}), zeros({1, 2, 3, 3})); }}}},
      {.name = "local_convolution_2d",
       .f = of([](V x, V W, V b) { return F::local_convolution_2d(x, W, &b); }),
       .inputs = {{"a354"}, {"433332"}, {"433"}},
       .may_be_empty = "a",
       .refusals = {{"has 2 × 2 windows",
                     [] { F::local_convolution_2d(zeros({1, 1, 4, 4}), zeros({1, 3, 3, 1, 3, 3})); }}}},
      {.name = "im2col",
       .f = of([](V x) { return F::im2col(x, {3, 2}, {.stride = {2}, .pad = {1}}); }),
       .inputs = {{"ab56"}},
       .may_be_empty = "ab",
       .refusals = {{"im2col: a window of 5 does not fit", [] { F::im2col(zeros({1, 1, 3, 3}), {5}); }}}},
      {.name = "shift",
       .f = of([](V x) { return F::shift(x); }),
       .inputs = {{"a945"}},
       .may_be_empty = "a",
       .refusals = {{"shift: ksize 2", [] { F::shift(zeros({1, 9, 3, 3}), 2); }},
                    {"expected at least ksize² = 9", [] { F::shift(zeros({1, 8, 3, 3})); }}}},
      {.name = "bilinear",
       .f = of([](V a, V b, V W, V V1, V V2) {
         return F::bilinear(a, b, W, V1, V2, zeros({W.shape()[2]}, W.dtype(), W.device()));
       }),
       .inputs = {{"aj"}, {"ak"}, {"jkl"}, {"jl"}, {"kl"}},
       .may_be_empty = "jkl",
       .refusals = {{"bilinear: expected e1", [] { F::bilinear(zeros({2, 3}), zeros({2, 3}), zeros({2, 3, 4})); }}}},
  };
}

INSTANTIATE_TEST_SUITE_P(Convolution, FunctionCaseTest, ::testing::ValuesIn(convolution_cases()), case_name);

}  // namespace
}  // namespace rensa::testing
