#include <gmock/gmock.h>

#include <cmath>

#include "core/autograd/gradient_check.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/combinations.h"
#include "core/functions/einsum.h"
#include "core/functions/linear_algebra.h"
#include "core/functions/matmul.h"
#include "core/functions/rearrangement.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "core/functions/sparse.h"
#include "tests/core/functions/function_case.h"
#include "tests/support/golden_file.h"

namespace rensa::testing {
namespace {

namespace F = functions;
using V = const Variable&;

/// Symmetric positive definite.
Variable spd(V x) {
  Array eye = zeros({x.shape().back(), x.shape().back()}, Dtype::kFloat64);
  for (std::int64_t i = 0; i < x.shape().back(); ++i) eye.data<double>()[i * x.shape().back() + i] = 2;
  return F::matmul(x, F::swapaxes(x, -1, -2)) + Variable(eye.to(x.dtype()).to(x.device()));
}

Variable with_zeros(V x) {
  const std::vector<double> values = to_vector<double>(x.array());
  std::vector<double> kept;
  for (const double v : values) kept.push_back(v > -1 ? 1 : 0);
  return x * Variable(array(kept, x.shape()).to(x.dtype()).to(x.device()));
}

std::vector<FunctionCase> reduction_cases() {
  return {
      {.name = "sum",
       .f = of([](V x) { return F::sum(x, {0, 2}); }),
       .inputs = {{"abc"}},
       .may_be_empty = "abc",
       .refusals = {{"sum: axis 1 is named twice", [] { F::sum(zeros({2, 3}), {1, -1}); }}}},
      {.name = "mean",
       .f = of([](V x) { return F::mean(x, {0, 2}, true); }),
       .inputs = {{"abc"}},
       .may_be_empty = "b",
       .refusals = {{"mean: axis 2", [] { F::mean(zeros({2, 3}), {2}); }}}},
      {.name = "max",
       .f = of([](V x) { return F::max(x, {0, 2}); }),
       .inputs = {{"abc"}},
       .may_be_empty = "b",
       .refusals = {{"max: axis 1 of (2, 0)", [] { F::max(zeros({2, 0}), {1}); }}}},
      {.name = "min",
       .f = of([](V x) { return F::min(x, {0, 2}); }),
       .inputs = {{"abc"}},
       .may_be_empty = "b",
       .refusals = {{"min: axis 1 of (2, 0)", [] { F::min(zeros({2, 0}), {1}); }}}},
      {.name = "prod",
       .f = of([](V x) { return F::prod(x, {0, 2}); }),
       .inputs = {{"abc", 0.5, 1.5}},
       .may_be_empty = "abc",
       .refusals = {{"prod: axis 2", [] { F::prod(zeros({2, 3}), {2}); }}}},
      {.name = "prod__zeros",
       .f = of([](V x) { return F::prod(with_zeros(x), {1}); }),
       .inputs = {{"abc"}},
       .may_be_empty = "abc",
       .refusals = {{"prod: axis 2", [] { F::prod(zeros({2, 3}), {2}); }}}},
      {.name = "average",
       .f = of([](V x, V w) { return F::average(x, {1}, &w); }),
       .inputs = {{"abc"}, {"b", 0.5, 2}},
       .may_be_empty = "ac",
       .refusals = {{"average: the weights are (2,)",
                     [] {
                       const Variable w(ones({2}));
                       F::average(zeros({2, 3}), {1}, &w);
                     }}}},
      {.name = "logsumexp",
       .f = of([](V x) { return F::logsumexp(x, {1, 2}); }),
       .inputs = {{"abc"}},
       .may_be_empty = "a",
       .refusals = {{"logsumexp: axis 2", [] { F::logsumexp(zeros({2, 3}), {2}); }}}},
  };
}

std::vector<FunctionCase> product_cases() {
  return {
      {.name = "matmul",
       .f = of([](V a, V b) { return F::matmul(a, b); }),
       .inputs = {{"mk"}, {"kn"}},
       .may_be_empty = "mkn",
       .refusals = {{"matmul: expected matrices", [] { F::matmul(zeros({2, 3}), zeros({2, 3})); }}}},
      {.name = "matmul__transposed",
       .f = of([](V a, V b) { return F::matmul(a, b, true, true); }),
       .inputs = {{"km"}, {"nk"}},
       .may_be_empty = "mkn",
       .refusals = {{"(transposed)", [] { F::matmul(zeros({2, 3}), zeros({2, 3}), true, true); }}}},
      {.name = "matmul__batches",
       .f = of([](V a, V b) { return F::matmul(a, b); }),
       .inputs = {{"a1mk"}, {"bkn"}},
       .may_be_empty = "abmkn",
       .refusals = {{"matmul: expected (…, m, k)", [] { F::matmul(zeros({2, 3, 4}), zeros({2, 3, 4})); }}}},
      {.name = "matmul__one_matrix",
       .f = of([](V a, V b) { return F::matmul(a, b); }),
       .inputs = {{"bmk"}, {"kn"}},
       .may_be_empty = "bmkn",
       .refusals = {{"(2, 3, 4)", [] { F::matmul(zeros({2, 3, 4}), zeros({3, 4})); }}}},
      {.name = "matmul__vectors",
       .f = of([](V a, V b) { return F::matmul(a, b); }),
       .inputs = {{"k"}, {"k"}},
       .may_be_empty = "k",
       .refusals = {{"at least one axis", [] { F::matmul(zeros({}), zeros({4})); }}}},
      {.name = "matmul__vector",
       .f = of([](V a, V b) { return F::matmul(a, b); }),
       .inputs = {{"bmk"}, {"k"}},
       .may_be_empty = "bmk",
       .refusals = {{"matmul: expected", [] { F::matmul(zeros({2, 3}), zeros({4})); }}}},
      {.name = "batch_matmul",
       .f = of([](V a, V b) { return F::batch_matmul(a, b, true); }),
       .inputs = {{"bkm"}, {"bkn"}},
       .may_be_empty = "bmkn",
       .refusals = {{"batch_matmul: expected", [] { F::batch_matmul(zeros({2, 3, 4}), zeros({3, 4, 4})); }}}},
      {.name = "tensordot",
       .f = of([](V a, V b) { return F::tensordot(a, b, {2, 0}, {0, 2}); }),
       .inputs = {{"abc"}, {"cda"}},
       .may_be_empty = "abcd",
       .refusals = {{"tensordot: axis 0", [] { F::tensordot(zeros({2}), zeros({3}), {0}, {0}); }}}},
      {.name = "tensordot__count",
       .f = of([](V a, V b) { return F::tensordot(a, b); }),
       .inputs = {{"abc"}, {"bcd"}},
       .may_be_empty = "abcd",
       .refusals = {{"tensordot: 2 axes", [] { F::tensordot(zeros({2}), zeros({3})); }}}},
      {.name = "einsum",
       .f = of([](V a, V b) { return F::einsum("bij,jk->kbi", {a, b}); }),
       .inputs = {{"bij"}, {"jk"}},
       .may_be_empty = "bijk",
       .refusals = {{"\"j\" has size 3", [] { F::einsum("ij,jk", {zeros({2, 3}), zeros({4, 2})}); }},
                    {"is for 2 operands", [] { F::einsum("ij,jk", {zeros({2, 3})}); }},
                    {"names 1 axes", [] { F::einsum("i", {zeros({2, 3})}); }},
                    {"\"%\"", [] { F::einsum("i%", {zeros({2, 3})}); }}}},
      {.name = "einsum__diagonal",
       .f = of([](V a) { return F::einsum("iij->ij", {a}); }),
       .inputs = {{"iij"}},
       .may_be_empty = "j",
       .refusals = {{"names \"k\"", [] { F::einsum("ij->k", {zeros({2, 3})}); }}}},
      {.name = "einsum__trace",
       .f = of([](V a) { return F::einsum("ii", {a}); }),
       .inputs = {{"ii"}},
       .refusals = {{"\"i\" has size 2", [] { F::einsum("ii", {zeros({2, 3})}); }}}},
      {.name = "einsum__dots",
       .f = of([](V a, V b) { return F::einsum("...ij,...jk", {a, b}); }),
       .inputs = {{"aij"}, {"1jk"}},
       .may_be_empty = "aijk",
       .refusals = {{"\"0\" has size 2", [] { F::einsum("...,...", {zeros({2}), zeros({3})}); }}}},
      {.name = "einsum__three",
       .f = of([](V a, V b, V c) { return F::einsum("ij,jk,ki->i", {a, b, c}); }),
       .inputs = {{"ij"}, {"jk"}, {"ki"}},
       .may_be_empty = "ijk",
       .refusals = {{"einsum", [] { F::einsum("i", {zeros({2, 3})}); }}}},
  };
}

F::CooMatrix coo(V data) {
  return {data, array<std::int32_t>({0, 2, 2, 1, 0}), array<std::int32_t>({1, 0, 1, 1, 1}), {3, 2}};
}

std::vector<FunctionCase> sparse_cases() {
  return {
      {.name = "sparse_matmul",
       .f = of([](V data, V b) { return F::sparse_matmul(coo(data), b); }),
       .inputs = {{"5"}, {"2n"}},
       .may_be_empty = "n",
       .refusals = {{"sparse_matmul: expected matrices", [] { F::sparse_matmul(coo(zeros({5})), zeros({3, 2})); }}}},
      {.name = "sparse_matmul__right",
       .f = of([](V a, V data) { return F::sparse_matmul(a, coo(data), true, true); }),
       .inputs = {{"2n"}, {"5"}},
       .may_be_empty = "n",
       .refusals = {{"a row is outside [0, 1)",
                     [] {
                       const F::CooMatrix outside{
                           zeros({1}), array<std::int32_t>({1}), array<std::int32_t>({0}), {1, 1}};
                       F::sparse_matmul(outside, zeros({1, 1}));
                     }}}},
  };
}

std::vector<FunctionCase> linear_algebra_cases() {
  const auto singular = zeros({2, 2});
  return {
      {.name = "inv",
       .f = of([](V a) { return F::inv(spd(a)); }),
       .inputs = {{"bnn"}},
       .may_be_empty = "b",
       .tolerance = 1e-10,
       .float_tolerance = 1e-4,
       .refusals = {{"inv: matrix 0 of the batch is singular", [=] { F::inv(singular); }},
                    {"inv: expected matrices (…, n, n)", [] { F::inv(zeros({2, 3})); }}}},
      {.name = "batch_inv",
       .f = of([](V a) { return F::batch_inv(spd(a)); }),
       .inputs = {{"bnn"}},
       .may_be_empty = "b",
       .tolerance = 1e-10,
       .float_tolerance = 1e-4,
       .refusals = {{"batch_inv: expected (batch", [=] { F::batch_inv(singular); }}}},
      {.name = "det",
       .f = of([](V a) { return F::det(spd(a)); }),
       .inputs = {{"33", -1, 1}},
       .tolerance = 1e-10,
       .float_tolerance = 1e-4,
       .refusals = {{"det: expected matrices", [] { F::det(zeros({2, 3})); }}}},
      {.name = "batch_det",
       .f = of([](V a) { return F::batch_det(spd(a)); }),
       .inputs = {{"b33", -1, 1}},
       .may_be_empty = "b",
       .tolerance = 1e-10,
       .float_tolerance = 1e-4,
       .refusals = {{"batch_det: expected (batch", [] { F::batch_det(zeros({2, 2})); }}}},
      {.name = "cholesky",
       .f = of([](V a) { return F::cholesky(spd(a)); }),
       .inputs = {{"bnn"}},
       .may_be_empty = "b",
       .tolerance = 1e-10,
       .float_tolerance = 1e-4,
       .refusals = {{"cholesky: matrix 0 of the batch is not positive definite", [=] { F::cholesky(singular); }}}},
      {.name = "solve",
       .f = of([](V a, V b) { return F::solve(spd(a), b); }),
       .inputs = {{"bnn"}, {"bnk"}},
       .may_be_empty = "bk",
       .tolerance = 1e-10,
       .float_tolerance = 1e-4,
       .refusals = {{"solve: matrix 0", [=] { F::solve(singular, singular); }},
                    {"solve: a is", [] { F::solve(zeros({2, 2}), zeros({3, 2})); }}}},
      {.name = "bias",
       .f = of([](V x, V y) { return F::bias(x, y); }),
       .inputs = {{"abc"}, {"b"}},
       .may_be_empty = "abc",
       .refusals = {{"bias: y is (2,)", [] { F::bias(zeros({2, 3}), zeros({2})); }}}},
      {.name = "scale",
       .f = of([](V x, V y) { return F::scale(x, y); }),
       .inputs = {{"abc"}, {"bc"}},
       .may_be_empty = "abc",
       .refusals = {{"scale: y is (2,)", [] { F::scale(zeros({2, 3}), zeros({2})); }}}},
      {.name = "identity",
       .f = of([](V x) { return F::copy(F::identity(x)); }),
       .inputs = {{"abc"}},
       .may_be_empty = "abc",
       .refusals = {{"no variable here", [] { F::identity(Variable()).backward(); }}}},
      {.name = "linear_interpolate",
       .f = of([](V p, V x, V y) { return F::linear_interpolate(p, x, y); }),
       .inputs = {{"abc"}, {"abc"}, {"abc"}},
       .may_be_empty = "abc",
       .refusals = {{"do not broadcast", [] { F::linear_interpolate(zeros({2}), zeros({3}), zeros({3})); }}}},
      {.name = "batch_l2_norm_squared",
       .f = of([](V x) { return F::batch_l2_norm_squared(x); }),
       .inputs = {{"abc"}},
       .may_be_empty = "abc",
       .refusals = {{"batch_l2_norm_squared", [] { F::batch_l2_norm_squared(zeros({})); }}}},
      {.name = "fft",
       .f = of([](V a, V b) {
         auto [re, im] = F::fft(a, b);
         return Variables{re, im};
       }),
       .inputs = {{"an"}, {"an"}},
       .may_be_empty = "a",
       .refusals = {{"fft: the parts are", [] { F::fft(zeros({2}), zeros({3})); }}}},
      {.name = "ifft",
       .f = of([](V a, V b) {
         auto [re, im] = F::ifft(a, b);
         return Variables{re, im};
       }),
       .inputs = {{"an"}, {"an"}},
       .may_be_empty = "a",
       .refusals = {{"ifft: the parts are", [] { F::ifft(zeros({2}), zeros({3})); }}}},
  };
}

INSTANTIATE_TEST_SUITE_P(Reduction, FunctionCaseTest, ::testing::ValuesIn(reduction_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Product, FunctionCaseTest, ::testing::ValuesIn(product_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Sparse, FunctionCaseTest, ::testing::ValuesIn(sparse_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(LinearAlgebra, FunctionCaseTest, ::testing::ValuesIn(linear_algebra_cases()), case_name);

TEST(LogSumExpTest, NeitherOverflowsNorHidesEmptiness) {
  EXPECT_FLOAT_EQ(F::logsumexp(array<float>({1000, 1000})).item<float>(), 1000 + std::log(2.0f));
  EXPECT_EQ(F::logsumexp(array<float>({INFINITY, 1})).item<float>(), INFINITY);
  EXPECT_EQ(F::logsumexp(array<float>({-INFINITY, INFINITY})).item<float>(), INFINITY);
  EXPECT_TRUE(std::isnan(F::logsumexp(array<float>({NAN, INFINITY})).item<float>()));
  const Variable lines(array<float>({-INFINITY, -INFINITY, 0, -INFINITY}, {2, 2}), true);
  const Variable y = F::logsumexp(lines, {1});
  EXPECT_THAT(to_vector<float>(y.array()), ::testing::ElementsAre(-INFINITY, 0));
  const Variable gx = grad({F::sum(y)}, {lines}, {}, {.enable_double_backprop = true})[0];
  EXPECT_THAT(to_vector<float>(gx.array()), ::testing::ElementsAre(0, 0, 1, 0));
  EXPECT_THAT(to_vector<float>(grad({F::sum(gx * gx)}, {lines})[0].array()), ::testing::ElementsAre(0, 0, 0, 0));
}

TEST(SparseTest, ToCooAndBackGivesTheSameProduct) {
  const Array x = array<double>({1, 0, 0, 2, 0, 3}, {2, 3}), b = random_array({3, 2}, 4);
  EXPECT_TRUE(near(F::sparse_matmul(F::to_coo(x), b).array(), F::matmul(x, b).array(), 1e-15));
}

TEST(DecompositionTest, FactorsMultiplyBackToTheMatrix) {
  const Array a = random_array({2, 4, 3}, 5), symmetric = spd(random_array({2, 3, 3}, 6)).array();
  const auto [q, r] = F::qr(a);
  EXPECT_TRUE(near(F::matmul(q, r).array(), a, 1e-13));
  const Array twice_one = spd(zeros({2, 3, 3}, Dtype::kFloat64)).array();  // 2 on the diagonal
  EXPECT_TRUE(near((F::matmul(q, q, true) * 2).array(), twice_one, 1e-13));
  const auto [u, s, vt] = F::svd(a);
  EXPECT_TRUE(near(F::matmul(u * F::reshape(s, {2, 1, 3}), vt).array(), a, 1e-13));
  const auto [w, v] = F::eigh(symmetric);
  EXPECT_TRUE(near(F::matmul(v * F::reshape(w, {2, 1, 3}), v, false, true).array(), symmetric, 1e-12));
  for (const Array& x : {w, s}) EXPECT_EQ(x.shape(), Shape({2, 3}));
}

}  // namespace
}  // namespace rensa::testing
