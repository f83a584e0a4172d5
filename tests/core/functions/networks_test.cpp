#include <gmock/gmock.h>

#include <cmath>

#include "core/autograd/config.h"
#include "core/autograd/gradient_check.h"
#include "core/device/allocator.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/attention.h"
#include "core/functions/batch_normalization.h"
#include "core/functions/convolution_nd.h"
#include "core/functions/joining.h"
#include "core/functions/linear.h"
#include "core/functions/normalization.h"
#include "core/functions/pooling.h"
#include "core/functions/pooling_nd.h"
#include "core/functions/recurrent.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "tests/core/functions/function_case.h"
#include "tests/support/golden_file.h"

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
       .refusals = {{"linear: x has 3 features",
                     [] {
                       F::linear(zeros({2, 3}), zeros({2, 4}));
                     }}}},
      {.name = "linear__batch_axes",
       .f = of([](V x, V W, V b) { return F::linear(x, W, &b, 2); }),
       .inputs = {{"adb"}, {"cb"}, {"c"}},
       .may_be_empty = "acd",
       .refusals = {{"linear: n_batch_axes is 2",
                     [] {
                       F::linear(zeros({2, 3}), zeros({2, 3}), nullptr, 2);
                     }}}},
      {.name = "convolution_2d",
       .f = of([](V x, V W, V b) {
         return F::convolution_2d(x, W, &b, {.stride = {2, 1}, .pad = {1, 1}, .groups = 2});
       }),
       .inputs = {{"a465"}, {"6232"}, {"6"}},
       .may_be_empty = "a",
       .refusals = {{"convolution_2d: x has 3 channels",
                     [] {
                       F::convolution_2d(zeros({1, 3, 4, 4}), zeros({1, 2, 3, 3}));
                     }}}},
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
                     [] {
                       F::convolution_1d(zeros({1, 3, 4, 4}), zeros({1, 3, 3, 3}));
                     }}}},
      {.name = "convolution_3d",
       .f = of([](V x, V W, V b) {
         return F::convolution_3d(x, W, &b, {.stride = {2, 1, 1}, .pad = {1, 0, 1}});
       }),
       .inputs = {{"a2453"}, {"32322"}, {"3"}},
       .may_be_empty = "a",
       .refusals = {{"convolution_3d: expected x",
                     [] {
                       F::convolution_3d(zeros({1, 3, 4}), zeros({1, 3, 3}));
                     }}}},
      {.name = "dilated_convolution_2d",
       .f = of([](V x, V W, V b) { return F::dilated_convolution_2d(x, W, &b, 1, 1, 2); }),
       .inputs = {{"a376"}, {"4332"}, {"4"}},
       .may_be_empty = "a",
       .refusals = {{"convolution_2d: stride 1, pad 0, dilate 0",
                     [] {
                       F::dilated_convolution_2d(zeros({1, 1, 3, 3}), zeros({1, 1, 1, 1}), nullptr, 1, 0, 0);
                     }}}},
      {.name = "deconvolution_2d",
       .f = of([](V x, V W, V b) { return F::deconvolution_2d(x, W, &b, {.stride = {2}, .pad = {1}, .groups = 2}); }),
       .inputs = {{"a434"}, {"4332"}, {"6"}},
       .may_be_empty = "a",
       .refusals = {{"deconvolution_2d: x has 3 channels",
                     [] {
                       F::deconvolution_2d(zeros({1, 3, 4, 4}), zeros({4, 2, 3, 3}));
                     }}}},
      {.name = "deconvolution_2d__outsize",
       .f = of([](V x, V W) {
         return F::deconvolution_2d(x, W, nullptr, {.stride = {2}, .pad = {1}, .outsize = {6, 7}});
       }),
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
       .f = of([](V x, V W, V b) {
         return F::deconvolution_3d(x, W, &b, {.stride = {2}, .pad = {1, 0, 0}});
       }),
       .inputs = {{"a2323"}, {"23322"}, {"3"}},
       .may_be_empty = "a",
       .refusals = {{"deconvolution_3d: expected x",
                     [] {
                       F::deconvolution_3d(zeros({1, 3, 4}), zeros({3, 1, 3}));
                     }}}},
      {.name = "deconvolution_nd",
       .f = of([](V x, V W) { return F::deconvolution_nd(x, W); }),
       .inputs = {{"a2233"}, {"22222"}},
       .may_be_empty = "a",
       .refusals = {{"deconvolution_nd: expected x",
                     [] {
                       F::deconvolution_nd(zeros({1, 3}), zeros({3, 1}));
                     }}}},
      {.name = "depthwise_convolution_2d",
       .f = of([](V x, V W, V b) { return F::depthwise_convolution_2d(x, W, &b, 2, 1); }),
       .inputs = {{"a356"}, {"2333"}, {"6"}},
       .may_be_empty = "a",
       .refusals = {{"depthwise_convolution_2d: expected x",
                     [] {
                       F::depthwise_convolution_2d(zeros({1, 3, 4, 4}), zeros({1, 2, 3, 3}));
                     }}}},
      {.name = "local_convolution_2d",
       .f = of([](V x, V W, V b) { return F::local_convolution_2d(x, W, &b); }),
       .inputs = {{"a354"}, {"433332"}, {"433"}},
       .may_be_empty = "a",
       .refusals = {{"has 2 × 2 windows",
                     [] {
                       F::local_convolution_2d(zeros({1, 1, 4, 4}), zeros({1, 3, 3, 1, 3, 3}));
                     }}}},
      {.name = "im2col",
       .f = of([](V x) {
         return F::im2col(x, {3, 2}, {.stride = {2}, .pad = {1}});
       }),
       .inputs = {{"ab56"}},
       .may_be_empty = "ab",
       .refusals = {{"im2col: a window of 5 does not fit",
                     [] {
                       F::im2col(zeros({1, 1, 3, 3}), {5});
                     }}}},
      {.name = "shift",
       .f = of([](V x) { return F::shift(x); }),
       .inputs = {{"a945"}},
       .may_be_empty = "a",
       .refusals = {{"shift: ksize 2",
                     [] {
                       F::shift(zeros({1, 9, 3, 3}), 2);
                     }}}},
      {.name = "bilinear",
       .f =
           of([](V a, V b, V W, V V1, V V2) { return F::bilinear(a, b, W, V1, V2, zeros({W.shape()[2]}, W.dtype())); }),
       .inputs = {{"aj"}, {"ak"}, {"jkl"}, {"jl"}, {"kl"}},
       .may_be_empty = "jkl",
       .refusals = {{"bilinear: expected e1",
                     [] {
                       F::bilinear(zeros({2, 3}), zeros({2, 3}), zeros({2, 3, 4}));
                     }}}},
  };
}

std::vector<FunctionCase> pooling_cases() {
  const F::PoolingOptions two = {.kernel = {3, 3}, .stride = std::array<std::int64_t, 2>{2, 2}, .pad = {1, 1}};
  return {
      {.name = "max_pooling_2d",
       .f = of([=](V x) { return F::max_pooling_2d(x, two); }),
       .inputs = {{"ab56"}},
       .may_be_empty = "ab",
       .refusals = {{"max_pooling_2d: expected x",
                     [] {
                       F::max_pooling_2d(zeros({1, 2, 3}));
                     }}}},
      {.name = "average_pooling_2d",
       .f = of([=](V x) { return F::average_pooling_2d(x, two); }),
       .inputs = {{"ab56"}},
       .may_be_empty = "ab",
       .refusals = {{"average_pooling_2d: expected x",
                     [] {
                       F::average_pooling_2d(zeros({1, 2, 3}));
                     }}}},
      {.name = "max_pooling_1d",
       .f = of([](V x) { return F::max_pooling_1d(x, 3, {.stride = {2}, .pad = {1}}); }),
       .inputs = {{"ab7"}},
       .may_be_empty = "ab",
       .refusals = {{"max_pooling_1d: expected x",
                     [] {
                       F::max_pooling_1d(zeros({1, 2, 3, 4}), 2);
                     }}}},
      {.name = "max_pooling_3d",
       .f = of([](V x) { return F::max_pooling_3d(x, {2}); }),
       .inputs = {{"ab453"}},
       .may_be_empty = "ab",
       .refusals = {{"max_pooling_3d: expected x",
                     [] {
                       F::max_pooling_3d(zeros({1, 2, 3, 4}), {2});
                     }}}},
      {.name = "max_pooling_nd",
       .f = of([](V x) {
         return F::max_pooling_nd(x, {2, 3, 2}, {.stride = {1}, .pad = {1, 1, 0}});
       }),
       .inputs = {{"ab453"}},
       .may_be_empty = "ab",
       .refusals = {{"covers none",
                     [] {
                       F::max_pooling_nd(zeros({1, 1, 3}), {2}, {.pad = {2}});
                     }}}},
      {.name = "average_pooling_1d",
       .f = of([](V x) { return F::average_pooling_1d(x, 3, {.stride = {2}, .pad = {1}}); }),
       .inputs = {{"ab7"}},
       .may_be_empty = "ab",
       .refusals = {{"average_pooling_1d: expected x",
                     [] {
                       F::average_pooling_1d(zeros({1, 2, 3, 4}), 2);
                     }}}},
      {.name = "average_pooling_3d",
       .f = of([](V x) { return F::average_pooling_3d(x, {2}, {.stride = {1}}); }),
       .inputs = {{"ab453"}},
       .may_be_empty = "ab",
       .refusals = {{"average_pooling_3d: expected x",
                     [] {
                       F::average_pooling_3d(zeros({1, 2, 3, 4}), {2});
                     }}}},
      {.name = "average_pooling_nd",
       .f = of([](V x) {
         return F::average_pooling_nd(x, {2, 3, 2}, {.stride = {1}, .pad = {1, 1, 0}});
       }),
       .inputs = {{"ab453"}},
       .may_be_empty = "ab",
       .refusals = {{"average_pooling_nd: kernel 0",
                     [] {
                       F::average_pooling_nd(zeros({1, 1, 3}), {0}, {.stride = {1}});
                     }}}},
      {.name = "unpooling_2d",
       .f = of([](V x) { return F::unpooling_2d(x, {3}, {.stride = {2}}); }),
       .inputs = {{"ab23"}},
       .may_be_empty = "ab",
       .refusals = {{"an output of 9 has 4 windows",
                     [] {
                       F::unpooling_2d(zeros({1, 1, 2, 2}), {3}, {.stride = {2}, .outsize = {9}});
                     }}}},
      {.name = "unpooling_1d",
       .f = of([](V x) { return F::unpooling_1d(x, 2); }),
       .inputs = {{"ab4"}},
       .may_be_empty = "ab",
       .refusals = {{"unpooling_1d: expected x",
                     [] {
                       F::unpooling_1d(zeros({1, 2}), 2);
                     }}}},
      {.name = "unpooling_3d",
       .f = of([](V x) { return F::unpooling_3d(x, {2}, {.cover_all = false}); }),
       .inputs = {{"ab232"}},
       .may_be_empty = "ab",
       .refusals = {{"unpooling_3d: expected x",
                     [] {
                       F::unpooling_3d(zeros({1, 2, 3}), {2});
                     }}}},
      {.name = "unpooling_nd",
       .f = of([](V x) { return F::unpooling_nd(x, {3}, {.cover_all = false}); }),
       .inputs = {{"ab4"}},
       .may_be_empty = "ab",
       .refusals = {{"unpooling_nd: expected x",
                     [] {
                       F::unpooling_nd(zeros({1, 2}), {2});
                     }}}},
      {.name = "upsampling_2d",
       .f = of([](V x) {
         const Array indices = array<std::int64_t>({1, 0, 0, 3, 0, 3, 0, 1}, {1, 2, 2, 2});
         return F::upsampling_2d(x, indices, {2}, {.outsize = {4, 4}, .cover_all = false});
       }),
       .inputs = {{"1222"}},
       .refusals =
           {{"index 4 is outside",
             [] {
               F::upsampling_2d(zeros({1, 1, 1, 1}), full({1, 1, 1, 1}, 4, Dtype::kInt64), {2}, {.cover_all = false});
             }}}},
      {.name = "spatial_pyramid_pooling_2d",
       .f = of([](V x) { return F::spatial_pyramid_pooling_2d(x, 2); }),
       .inputs = {{"ab46"}},
       .refusals = {{"levels is 0",
                     [] {
                       F::spatial_pyramid_pooling_2d(zeros({1, 1, 4, 4}), 0);
                     }}}},
  };
}

std::vector<FunctionCase> normalization_cases() {
  return {
      {.name = "layer_normalization",
       .f = of([](V x, V g, V b) { return F::layer_normalization(x, g, b); }),
       .inputs = {{"a45"}, {"45"}, {"45"}},
       .may_be_empty = "a",
       .tolerance = 1e-11,
       .refusals = {{"layer_normalization: gamma is (2,)",
                     [] {
                       F::layer_normalization(zeros({2, 3}), zeros({2}), zeros({2}));
                     }}}},
      {.name = "rms_normalization",
       .f = of([](V x, V g) { return F::rms_normalization(x, g); }),
       .inputs = {{"ab5"}, {"5"}},
       .may_be_empty = "ab",
       .tolerance = 1e-11,
       .refusals = {{"rms_normalization: gamma is (2,)",
                     [] {
                       F::rms_normalization(zeros({2, 3}), zeros({2}));
                     }}}},
      {.name = "group_normalization",
       .f = of([](V x, V g, V b) { return F::group_normalization(x, 3, g, b); }),
       .inputs = {{"a65"}, {"6"}, {"6"}},
       .may_be_empty = "a",
       .tolerance = 1e-11,
       .refusals = {{"do not make 2 groups",
                     [] {
                       F::group_normalization(zeros({2, 3}), 2, zeros({3}), zeros({3}));
                     }}}},
      {.name = "batch_normalization",
       .f = of([](V x, V g, V b) { return F::batch_normalization(x, g, b); }),
       .inputs = {{"3423"}, {"4"}, {"4"}},
       .tolerance = 1e-11,
       .refusals = {{"batch_normalization: 1 value",
                     [] {
                       F::batch_normalization(zeros({1, 3}), zeros({3}), zeros({3}));
                     }}}},
      {.name = "batch_normalization__sequence",
       .f = of([](V x, V g, V b) { return F::batch_normalization(x, g, b); }),
       .inputs = {{"345"}, {"4"}, {"4"}},
       .tolerance = 1e-11,
       .refusals = {{"batch_normalization: expected x",
                     [] { F::batch_normalization(zeros({3}), zeros({3}), zeros({3})); }}}},
      {.name = "fixed_batch_normalization",
       .f = of([](V x, V g, V b) {
         return F::fixed_batch_normalization(x, g, b, full({4}, 0.3, x.dtype()), full({4}, 1.7, x.dtype()));
       }),
       .inputs = {{"a4bc"}, {"4"}, {"4"}},
       .may_be_empty = "a",
       .refusals = {{"batch_normalization: expected x",
                     [] {
                       F::fixed_batch_normalization(zeros({3}), zeros({3}), zeros({3}), zeros({3}), zeros({3}));
                     }}}},
      {.name = "local_response_normalization",
       .f = of([](V x) { return F::local_response_normalization(x, 5, 2, 1e-2, 0.75); }),
       .inputs = {{"abcd"}},
       .may_be_empty = "abcd",
       .refusals = {{"n is 0",
                     [] {
                       F::local_response_normalization(zeros({2, 3}), 0);
                     }}}},
      {.name = "normalize",
       .f = of([](V x) { return F::normalize(x); }),
       .inputs = {{"abc"}},
       .may_be_empty = "ac",
       .refusals = {{"axis 1", [] { F::normalize(zeros({2})); }}}},
      {.name = "batch_renormalization",
       .f = of([](V x, V g, V b) {
         // So far away that both corrections are at their limits, and do not change with x.
         Array mean = full({3}, 50, Dtype::kFloat64), var = full({3}, 100, Dtype::kFloat64);
         return F::batch_renormalization(x, g, b, mean, var, {.rmax = 1.2, .dmax = 0.4});
       }),
       .inputs = {{"435"}, {"3"}, {"3"}},
       .tolerance = 1e-11,
       .refusals = {{"batch_renormalization: x is (2, 3)",
                     [] {
                       Array mean = zeros({3}), var = ones({3});
                       F::batch_renormalization(zeros({2, 3}), zeros({2}), zeros({3}), mean, var);
                     }}}},
      {.name = "fixed_batch_renormalization",
       .f = of([](V x, V g, V b) {
         return F::fixed_batch_renormalization(x, g, b, full({4}, 0.3, Dtype::kFloat64),
                                               full({4}, 1.7, Dtype::kFloat64));
       }),
       .inputs = {{"a4bc"}, {"4"}, {"4"}},
       .may_be_empty = "abc",
       .refusals = {{"fixed_batch_renormalization: x is (2, 3)",
                     [] {
                       F::fixed_batch_renormalization(zeros({2, 3}), zeros({2}), zeros({3}), zeros({3}), zeros({3}));
                     }}}},
      {.name = "decorrelated_batch_normalization",
       .f = of([](V x) {
         Array mean = zeros({2, 2}, Dtype::kFloat64), projection = zeros({2, 2, 2}, Dtype::kFloat64);
         return F::decorrelated_batch_normalization(x, mean, projection, {.groups = 2});
       }),
       .inputs = {{"543"}},
       .tolerance = 1e-10,
       .float_tolerance = 1e-3,
       .refusals = {{"do not make 2 groups",
                     [] {
                       Array mean = zeros({2, 2}), projection = zeros({2, 2, 2});
                       F::decorrelated_batch_normalization(zeros({2, 3}), mean, projection, {.groups = 2});
                     }}}},
      {.name = "fixed_decorrelated_batch_normalization",
       .f = of([](V x) {
         return F::fixed_decorrelated_batch_normalization(x, full({2, 2}, 0.5, Dtype::kFloat64),
                                                          random_array({2, 2, 2}, 3));
       }),
       .inputs = {{"a4b"}},
       .may_be_empty = "ab",
       .values =
           [] {
             // With the identity as projection it takes the mean away.
             const Array eye = array<double>({1, 0, 0, 1}, {1, 2, 2}), x = array<double>({1, 2, 3, 4}, {2, 2});
             EXPECT_TRUE(near(F::fixed_decorrelated_batch_normalization(x, array<double>({1, 2}, {1, 2}), eye).array(),
                              array<double>({0, 0, 2, 2}, {2, 2}), 1e-15));
           },
       .refusals = {{"expected (groups, n)",
                     [] {
                       F::fixed_decorrelated_batch_normalization(zeros({2, 3}), zeros({2, 2}), zeros({2, 2, 2}));
                     }}}},
  };
}

using NStep =
    std::function<F::NStepResult(const Variable& hx, const Variable& cx, const F::NStepWeights&, const Variables& xs)>;

/// Inputs hx, cx if there is one, W (sets, gates, n, n), b (sets, gates, n) and three steps.
FunctionCase n_step_case(const char* name, char sets, char gates, bool has_cell, NStep f) {
  FunctionCase c;
  c.name = name;
  const std::string s(1, sets), g(1, gates);
  c.inputs = {{s + "32", -1, 1}};
  if (has_cell) c.inputs.push_back({s + "32", -1, 1});
  for (const std::string& axes : {s + g + "22", s + g + "2", std::string("32"), std::string("32"), std::string("22")})
    c.inputs.push_back({axes, -1, 1});
  c.f = [f, has_cell](const Variables& x) {
    const std::size_t at = has_cell ? 2 : 1;
    F::NStepWeights weights;
    for (const Variable& set : F::separate(x[at])) {
      const Variables gates_of_set = F::separate(set);
      weights.W.push_back(gates_of_set);
    }
    for (const Variable& set : F::separate(x[at + 1])) {
      const Variables gates_of_set = F::separate(set);
      weights.b.push_back(gates_of_set);
    }
    const F::NStepResult result = f(x[0], has_cell ? x[1] : Variable(), weights, {x[at + 2], x[at + 3], x[at + 4]});
    Variables outputs = {result.h};
    if (has_cell) outputs.push_back(result.c);
    for (const Variable& y : result.ys) outputs.push_back(y);
    return outputs;
  };
  c.refusals = {{std::string(name) + ": expected", [f] {
                   f(zeros({1, 1, 2}), zeros({1, 1, 2}), {}, {zeros({1, 2})});
                 }}};
  return c;
}

std::vector<FunctionCase> recurrent_cases() {
  const auto both = [](const F::LstmState& s) { return Variables{s.c, s.h}; };
  return {
      {.name = "lstm",
       .f = of([=](V c, V x) { return both(F::lstm(c, x)); }),
       .inputs = {{"42"}, {"38"}},
       .refusals = {{"lstm: expected c (batch, n)",
                     [] {
                       F::lstm(zeros({2, 3}), zeros({2, 3}));
                     }}}},
      {.name = "slstm",
       .f = of([=](V a, V b, V x, V y) { return both(F::slstm(a, b, x, y)); }),
       .inputs = {{"a1"}, {"a1"}, {"a4"}, {"a4"}},
       .may_be_empty = "a",
       .refusals = {{"slstm: expected c (batch, n)",
                     [] {
                       F::slstm(zeros({2, 3}), zeros({2, 3}), zeros({2, 3}), zeros({2, 3}));
                     }}}},
      {.name = "tree_lstm",
       .f = of([=](V a, V b, V x) {
         return both(F::tree_lstm({a, b}, x));
       }),
       .inputs = {{"a1"}, {"a1"}, {"a5"}},
       .may_be_empty = "a",
       .refusals = {{"tree_lstm: with 1 children",
                     [] {
                       F::tree_lstm({zeros({2, 3})}, zeros({2, 3}));
                     }}}},
      n_step_case("n_step_lstm", '2', '8', true,
                  [](V h, V c, const F::NStepWeights& w, const Variables& xs) {
                    return F::n_step_lstm(static_cast<int>(h.shape()[0]), 0, h, c, w, xs);
                  }),
      n_step_case(
          "n_step_bilstm", '2', '8', true,
          [](V h, V c, const F::NStepWeights& w, const Variables& xs) { return F::n_step_bilstm(1, 0, h, c, w, xs); }),
      n_step_case("n_step_gru", '2', '6', false,
                  [](V h, V, const F::NStepWeights& w, const Variables& xs) {
                    return F::n_step_gru(static_cast<int>(h.shape()[0]), 0, h, w, xs);
                  }),
      n_step_case(
          "n_step_bigru", '2', '6', false,
          [](V h, V, const F::NStepWeights& w, const Variables& xs) { return F::n_step_bigru(1, 0, h, w, xs); }),
      n_step_case("n_step_rnn", '2', '2', false,
                  [](V h, V, const F::NStepWeights& w, const Variables& xs) {
                    return F::n_step_rnn(static_cast<int>(h.shape()[0]), 0, h, w, xs);
                  }),
      n_step_case(
          "n_step_birnn", '2', '2', false,
          [](V h, V, const F::NStepWeights& w, const Variables& xs) { return F::n_step_birnn(1, 0, h, w, xs); }),
  };
}

std::vector<FunctionCase> attention_cases() {
  const std::vector<Operand> qkv = {{"abmd"}, {"abld"}, {"able"}};
  return {
      {.name = "scaled_dot_product_attention",
       .f = of([](V q, V k, V v) { return F::scaled_dot_product_attention(q, k, v); }),
       .inputs = qkv,
       .may_be_empty = "abmle",
       .refusals = {{"expected q (…, M, D)",
                     [] {
                       F::scaled_dot_product_attention(zeros({2, 3}), zeros({2, 4}), zeros({2, 3}));
                     }}}},
      {.name = "scaled_dot_product_attention__causal",
       .f = of([](V q, V k, V v) { return F::scaled_dot_product_attention(q, k, v, {.causal = true}); }),
       .inputs = qkv,
       .may_be_empty = "abmle",
       .refusals = {{"q is float64",
                     [] {
                       F::scaled_dot_product_attention(zeros({2, 3}, Dtype::kFloat64), zeros({2, 3}), zeros({2, 3}));
                     }}}},
      {.name = "scaled_dot_product_attention__padded",
       .f = of([](V q, V k, V v) {
         return F::scaled_dot_product_attention(q, k, v, {.scale = 0.3, .lengths = array<std::int32_t>({3, 5})});
       }),
       .inputs = {{"2bmd"}, {"2b5d"}, {"2b5e"}},
       .may_be_empty = "bme",
       .refusals = {{"the lengths are (1,)",
                     [] {
                       F::scaled_dot_product_attention(zeros({2, 3, 4}), zeros({2, 3, 4}), zeros({2, 3, 4}),
                                                       {.lengths = array<std::int32_t>({3})});
                     }}}},
      {.name = "rotary_embedding",
       .f = of([](V x) { return F::rotary_embedding(x); }),
       .inputs = {{"ab6"}},
       .may_be_empty = "ab",
       .refusals = {{"rotary_embedding: expected x",
                     [] {
                       F::rotary_embedding(zeros({2, 3}));
                     }}}},
  };
}

INSTANTIATE_TEST_SUITE_P(Convolution, FunctionCaseTest, ::testing::ValuesIn(convolution_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Pooling, FunctionCaseTest, ::testing::ValuesIn(pooling_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Normalization, FunctionCaseTest, ::testing::ValuesIn(normalization_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Recurrent, FunctionCaseTest, ::testing::ValuesIn(recurrent_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Attention, FunctionCaseTest, ::testing::ValuesIn(attention_cases()), case_name);

TEST(RotaryEmbeddingTest, NeighboursArePairsOfTheSameAngles) {
  const Array x = random_array({3, 4}, 1);
  const Array apart =
      x.reshape({3, 2, 2}).transpose({0, 2, 1}).contiguous().reshape({3, 4});  // neighbours become halves
  const Array halves =
      F::rotary_embedding(apart).array().reshape({3, 2, 2}).transpose({0, 2, 1}).contiguous().reshape({3, 4});
  EXPECT_TRUE(near(F::rotary_embedding(x, 10000, 0, F::RotaryPairs::kNeighbours).array(), halves, 1e-15));
}

TEST(AttentionTest, MemoryGrowsWithTheLengthAndNotWithItsSquare) {
  const auto peak = [](std::int64_t length) {
    const Array q = zeros({1, length, 8});
    allocator({}).reset_peak();
    const std::size_t before = allocator({}).statistics().in_use;
    const NoBackpropMode scope;
    F::scaled_dot_product_attention(q, q, q, {.causal = true});
    return allocator({}).statistics().peak_in_use - before;
  };
  EXPECT_LT(peak(4096), 8 * peak(1024));
}

}  // namespace
}  // namespace rensa::testing
