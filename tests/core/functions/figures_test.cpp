// Functions without a gradient, and those that older tests ask already: in the case table, so that all are asked the
// same.
#include <cmath>

#include "core/autograd/config.h"
#include "core/autograd/gradient_check.h"
#include "core/device/random.h"
#include "core/error.h"
#include "core/functions/accuracy.h"
#include "core/functions/activation.h"
#include "core/functions/arithmetic.h"
#include "core/functions/dropout.h"
#include "core/functions/evaluation.h"
#include "core/functions/forget.h"
#include "core/functions/indexing.h"
#include "core/functions/linear_algebra.h"
#include "core/functions/matmul.h"
#include "core/functions/ordering.h"
#include "core/functions/pooling.h"
#include "core/functions/sequence_losses.h"
#include "core/functions/shape.h"
#include "tests/core/functions/function_case.h"
#include "tests/support/golden_file.h"

namespace rensa::testing {
namespace {

namespace F = functions;
using V = const Variable&;

Variable number(double value, V like) { return Variable(full({}, value, like.dtype())); }
Array classes_of(V x) { return labels({x.shape()[0]}, 5); }
Array bits_of(V x) { return labels(x.shape(), 2); }

FunctionCase figure(const char* name, std::function<Variable(V)> f, const char* axes, const char* may_be_empty,
                    const char* refusal, std::function<void()> wrong) {
  return {.name = name,
          .f = [f](const Variables& x) { return Variables{f(x[0])}; },
          .inputs = {{axes}},
          .may_be_empty = may_be_empty,
          .derivatives = 0,
          .refusals = {{refusal, std::move(wrong)}}};
}

std::vector<FunctionCase> figure_cases() {
  const auto t = [] { return array<std::int64_t>({0}); };
  return {
      figure(
          "argmax", [](V x) { return Variable(F::argmax(x.array(), 1)); }, "abc", "ac", "argmax: (0,) has no elements",
          [] { F::argmax(zeros({0})); }),
      figure(
          "argmin", [](V x) { return Variable(F::argmin(x.array())); }, "abc", "", "argmin: (0,) has no elements",
          [] { F::argmin(zeros({0})); }),
      figure(
          "argsort", [](V x) { return Variable(F::argsort(x.array(), 1)); }, "abc", "abc", "argsort: axis 1",
          [] { F::argsort(zeros({2}), 1); }),
      figure(
          "accuracy", [](V x) { return number(F::accuracy(x.array(), classes_of(x)), x); }, "a5", "a",
          "accuracy: y is (2, 3)", [=] { F::accuracy(zeros({2, 3}), t()); }),
      figure(
          "top_k_accuracy", [](V x) { return number(F::top_k_accuracy(x.array(), classes_of(x), 2), x); }, "a5", "a",
          "k is 0", [=] { F::top_k_accuracy(zeros({1, 3}), t(), 0); }),
      figure(
          "binary_accuracy", [](V x) { return number(F::binary_accuracy(x.array(), bits_of(x)), x); }, "ab", "ab",
          "binary_accuracy: expected equal", [=] { F::binary_accuracy(zeros({2}), t()); }),
      figure(
          "precision", [](V x) { return Variable(F::precision(x.array(), classes_of(x)).to(x.dtype())); }, "a5", "a",
          "classification_summary: expected y", [=] { F::precision(zeros({2}), t()); }),
      figure(
          "recall", [](V x) { return Variable(F::recall(x.array(), classes_of(x)).to(x.dtype())); }, "a5", "a",
          "classification_summary: expected y", [=] { F::recall(zeros({2}), t()); }),
      figure(
          "f1_score", [](V x) { return Variable(F::f1_score(x.array(), classes_of(x)).to(x.dtype())); }, "a5", "a",
          "classification_summary: expected y", [=] { F::f1_score(zeros({2}), t()); }),
      figure(
          "classification_summary",
          [](V x) { return Variable(F::classification_summary(x.array(), classes_of(x), 2).fbeta.to(x.dtype())); },
          "a5", "a", "beta is 0", [=] { F::classification_summary(zeros({1, 3}), t(), 0); }),
      figure(
          "r2_score", [](V x) { return number(F::r2_score(x.array(), labels(x.shape(), 3)), x); }, "ab", "",
          "r2_score: expected equal", [=] { F::r2_score(zeros({2}), t()); }),
      figure(
          "one_hot", [](V x) { return Variable(F::one_hot(labels(x.shape(), 5), 5, x.dtype())); }, "ab", "ab",
          "one_hot: index 3", [] { F::one_hot(array<std::int32_t>({3}), 3); }),
      figure(
          "argmax_crf1d", [](V x) { return Variable(F::argmax_crf1d(x.array(), {x.array(), x.array()}).path[1]); },
          "nn", "", "argmax_crf1d: expected at least one", [] { F::argmax_crf1d(zeros({2, 2}), {}); }),
  };
}

/// Whose values have a sign or an order that is nobody's: the factors' product instead.
std::vector<FunctionCase> factor_cases() {
  const auto scaled = [](const Array& columns, const Array& by) { return Variable(columns) * F::expand_dims(by, -2); };
  const auto symmetric = [](V x) { return F::matmul(x, x, false, true); };
  const auto product_is = [](FunctionCase c, std::function<Variable(V)> wanted) {
    c.values = [f = c.f, wanted] {
      const Variable a(random_array({2, 3, 3}, 5));
      EXPECT_TRUE(near(f({a})[0].array(), wanted(a).array(), 1e-12));
    };
    c.float_tolerance = 1e-4;
    return c;
  };
  const auto same = [](V x) { return x; };
  return {
      product_is(figure(
                     "qr",
                     [](V x) {
                       const F::Qr y = F::qr(x.array());
                       return F::matmul(y.q, y.r);
                     },
                     "bmn", "b", "qr: expected matrices", [] { F::qr(zeros({2})); }),
                 same),
      product_is(figure(
                     "svd",
                     [=](V x) {
                       const F::Svd y = F::svd(x.array());
                       return F::matmul(scaled(y.u, y.s), y.vt);
                     },
                     "bmn", "b", "svd: expected matrices", [] { F::svd(zeros({2})); }),
                 same),
      product_is(figure(
                     "eigh",
                     [=](V x) {
                       const F::Eigh y = F::eigh(symmetric(x).array());
                       return F::matmul(scaled(y.v, y.w), y.v, false, true);
                     },
                     "bnn", "b", "eigh: expected matrices (…, n, n)", [] { F::eigh(zeros({2, 3})); }),
                 symmetric),
  };
}

std::vector<FunctionCase> other_cases() {
  return {
      {.name = "neg", .f = of([](V x) { return -x; })},
      {.name = "global_average_pooling_2d",
       .f = of([](V x) { return F::global_average_pooling_2d(x); }),
       .inputs = {{"abcd"}},
       .may_be_empty = "ab",
       .refusals = {{"global_average_pooling_2d: expected x", [] { F::global_average_pooling_2d(zeros({2, 3})); }}}},
      {.name = "dropout",
       .f = of([](V x) {
         random_context() = {.seed = 1, .step = 2, .first_sample = 0, .uses = 0};
         return F::dropout(x, 0.3);
       }),
       .inputs = {{"ab"}},
       .may_be_empty = "ab",
       .values =
           [] {
             const std::vector<double> y = to_vector<double>(F::dropout(ones({400, 100}), 0.3).array());
             double kept = 0;
             for (const double v : y) {
               EXPECT_TRUE(v == 0 || std::abs(v - 1 / 0.7) < 1e-6);
               kept += v > 0;
             }
             EXPECT_NEAR(kept / static_cast<double>(y.size()), 0.7, 0.01);
           },
       .refusals = {{"dropout: ratio is 1", [] { F::dropout(zeros({2}), 1); }}}},
      {.name = "forget",
       .f = of([](V x) { return F::forget([](V v) { return F::tanh(v * v); }, x); }),
       .inputs = {{"ab"}},
       .may_be_empty = "ab",
       .derivatives = 1,
       .refusals = {{"forget: has no gradient of its gradient",
                     [] {
                       const Variable x(ones({2}), true), y = F::forget([](V v) { return F::tanh(v); }, x);
                       grad({y}, {x}, {Variable(ones({2}))}, {.enable_double_backprop = true});
                     }}}},
  };
}

INSTANTIATE_TEST_SUITE_P(Figure, FunctionCaseTest, ::testing::ValuesIn(figure_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Factor, FunctionCaseTest, ::testing::ValuesIn(factor_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Other, FunctionCaseTest, ::testing::ValuesIn(other_cases()), case_name);

}  // namespace
}  // namespace rensa::testing
