#include <gmock/gmock.h>

#include "core/autograd/gradient_check.h"
#include "core/functions/batch_normalization.h"
#include "core/functions/normalization.h"
#include "tests/core/functions/function_case.h"
#include "tests/support/golden_file.h"

namespace rensa::testing {
namespace {

namespace F = functions;
using V = const Variable&;

std::vector<FunctionCase> normalization_cases() {
  return {
      {.name = "layer_normalization",
       .f = of([](V x, V g, V b) { return F::layer_normalization(x, g, b); }),
       .inputs = {{"a45"}, {"45"}, {"45"}},
       .may_be_empty = "a",
       .tolerance = 1e-11,
       .refusals = {{"layer_normalization: gamma is (2,)",
                     [] { F::layer_normalization(zeros({2, 3}), zeros({2}), zeros({2})); }}}},
      {.name = "rms_normalization",
       .f = of([](V x, V g) { return F::rms_normalization(x, g); }),
       .inputs = {{"ab5"}, {"5"}},
       .may_be_empty = "ab",
       .tolerance = 1e-11,
       .refusals = {{"rms_normalization: gamma is (2,)", [] { F::rms_normalization(zeros({2, 3}), zeros({2})); }}}},
      {.name = "group_normalization",
       .f = of([](V x, V g, V b) { return F::group_normalization(x, 3, g, b); }),
       .inputs = {{"a65"}, {"6"}, {"6"}},
       .may_be_empty = "a",
       .tolerance = 1e-11,
       .refusals = {{"do not make 2 groups",
                     [] { F::group_normalization(zeros({2, 3}), 2, zeros({3}), zeros({3})); }}}},
      {.name = "batch_normalization",
       .f = of([](V x, V g, V b) { return F::batch_normalization(x, g, b); }),
       .inputs = {{"3423"}, {"4"}, {"4"}},
       .tolerance = 1e-11,
       .refusals = {{"batch_normalization: 1 value",
                     [] { F::batch_normalization(zeros({1, 3}), zeros({3}), zeros({3})); }}}},
      {.name = "batch_normalization__axis",
       .f = of([](V x, V g, V b) {
         return F::batch_normalization(x, g, b, nullptr, nullptr, {.relu = true, .axis = {0, 2}});
       }),
       .inputs = {{"3425"}, {"45", 0.5, 1}, {"45", 2, 3}},
       .tolerance = 1e-11,
       .values =
           [] {  // the axes moved by hand
             const Array x = random_array({3, 4, 2, 5}, 1), g = random_array({4, 5}, 2), b = random_array({4, 5}, 3);
             const Array moved = x.transpose({0, 1, 3, 2}).contiguous().reshape({3, 20, 2});
             const Array y = F::batch_normalization(moved, g.reshape({20}), b.reshape({20})).array();
             const Array found = F::batch_normalization(x, g, b, nullptr, nullptr, {.axis = {0, 2}}).array();
             EXPECT_TRUE(near(found, y.contiguous().reshape({3, 4, 5, 2}).transpose({0, 1, 3, 2}), 1e-12));
           },
       .refusals = {{"so gamma and beta should be (4, 5); found (4, 2) and (4, 2)",
                     [] {
                       F::batch_normalization(zeros({3, 4, 2, 5}), zeros({4, 2}), zeros({4, 2}), nullptr, nullptr,
                                              {.axis = {0, 2}});
                     }},
                    {"axis 0 follows axis 2",
                     [] {
                       F::batch_normalization(zeros({3, 4, 2}), zeros({4}), zeros({4}), nullptr, nullptr,
                                              {.axis = {2, 0}});
                     }}}},
      {.name = "batch_normalization__sequence",
       .f = of([](V x, V g, V b) { return F::batch_normalization(x, g, b); }),
       .inputs = {{"345"}, {"4"}, {"4"}},
       .tolerance = 1e-11,
       .refusals = {{"batch_normalization: expected x",
                     [] { F::batch_normalization(zeros({3}), zeros({3}), zeros({3})); }}}},
      {.name = "fixed_batch_normalization",
       .f = of([](V x, V g, V b) {
         return F::fixed_batch_normalization(x, g, b, full({4}, 0.3, x.dtype(), x.device()),
                                             full({4}, 1.7, x.dtype(), x.device()));
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
       .refusals = {{"n is 0", [] { F::local_response_normalization(zeros({2, 3}), 0); }}}},
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
         return F::fixed_batch_renormalization(x, g, b, full({4}, 0.3, Dtype::kFloat64, x.device()),
                                               full({4}, 1.7, Dtype::kFloat64, x.device()));
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
         return F::fixed_decorrelated_batch_normalization(x, full({2, 2}, 0.5, Dtype::kFloat64, x.device()),
                                                          random_array({2, 2, 2}, 3).to(x.device()));
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

INSTANTIATE_TEST_SUITE_P(Normalization, FunctionCaseTest, ::testing::ValuesIn(normalization_cases()), case_name);

}  // namespace
}  // namespace rensa::testing
