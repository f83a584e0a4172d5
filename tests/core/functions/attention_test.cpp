#include <gmock/gmock.h>

#include <cmath>

#include "core/autograd/config.h"
#include "core/autograd/gradient_check.h"
#include "core/device/allocator.h"
#include "core/functions/arithmetic.h"
#include "core/functions/attention.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "tests/core/functions/function_case.h"
#include "tests/support/emulated_gpu.h"
#include "tests/support/golden_file.h"

namespace rensa::testing {
namespace {

namespace F = functions;
using V = const Variable&;

std::vector<FunctionCase> attention_cases() {
  const std::vector<Operand> qkv = {{"abmd"}, {"abld"}, {"able"}};
  return {
      {.name = "scaled_dot_product_attention",
       .f = of([](V q, V k, V v) { return F::scaled_dot_product_attention(q, k, v); }),
       .inputs = qkv,
       .may_be_empty = "abmle",
       .refusals = {{"expected q (…, M, D)",
                     [] { F::scaled_dot_product_attention(zeros({2, 3}), zeros({2, 4}), zeros({2, 3})); }}}},
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
       .refusals = {{"rotary_embedding: expected x", [] { F::rotary_embedding(zeros({2, 3})); }}}},
  };
}

INSTANTIATE_TEST_SUITE_P(Attention, FunctionCaseTest, ::testing::ValuesIn(attention_cases()), case_name);

TEST(AttentionTest, LengthsHideKeysBesideABias) {
  const EmulatedGpus gpus;
  const Array q = random_array({2, 3, 4}, 1), bias = random_array({3, 3}, 2), lengths = array<std::int32_t>({1, 3});
  const Array hiding = F::broadcast_to(bias, {2, 3, 3}).array().copy();
  hiding.select(0, 0).slice(1, {.start = 1}).fill(-INFINITY);
  const Array expected = F::scaled_dot_product_attention(q, q, q, {.bias = hiding}).array();
  for (const Device device : {Device{}, Device{DeviceKind::kCuda, 0}}) {
    const Variable there(q.to(device));
    for (const Array& hidden : {lengths, lengths.to(device)}) {
      const F::AttentionOptions options{.bias = bias.to(device), .lengths = hidden};
      EXPECT_TRUE(near(F::scaled_dot_product_attention(there, there, there, options).array(), expected, 1e-14));
    }
  }
}

TEST(RotaryEmbeddingTest, NeighboursArePairsOfTheSameAngles) {
  const Array x = random_array({3, 4}, 1);
  const Array apart =
      x.reshape({3, 2, 2}).transpose({0, 2, 1}).contiguous().reshape({3, 4});  // neighbours become halves
  const Array halves =
      F::rotary_embedding(apart).array().reshape({3, 2, 2}).transpose({0, 2, 1}).contiguous().reshape({3, 4});
  EXPECT_TRUE(near(F::rotary_embedding(x, 10000, 0, F::RotaryPairs::kNeighbours).array(), halves, 1e-15));
}

TEST(AttentionTest, HeadsSideBySideAreNeitherCopiedNorJoinedByACopy) {
  const auto in_heads = [](V x) { return F::transpose(F::reshape(x, {2, 5, 3, 4}), {0, 2, 1, 3}); };
  const auto attend = [](V q, V k, V v) { return F::scaled_dot_product_attention(q, k, v, {.causal = true}); };
  const Variable q(random_array({2, 5, 12}, 1), true), k(random_array({2, 5, 12}, 2), true),
      v(random_array({2, 5, 12}, 3), true);
  const Variable y = attend(in_heads(q), in_heads(k), in_heads(v));
  EXPECT_TRUE(y.array().transpose({0, 2, 1, 3}).is_contiguous());
  const auto apart = [&](V x) { return Variable(in_heads(x).array().contiguous(), true); };
  const Variable q2 = apart(q), k2 = apart(k), v2 = apart(v), y2 = attend(q2, k2, v2);
  EXPECT_TRUE(near(y.array(), y2.array(), 1e-14));
  F::sum(y * y).backward();
  F::sum(y2 * y2).backward();
  EXPECT_TRUE(near(in_heads(q.grad()).array(), q2.grad(), 1e-13));
  EXPECT_TRUE(near(in_heads(k.grad()).array(), k2.grad(), 1e-13));
  EXPECT_TRUE(near(in_heads(v.grad()).array(), v2.grad(), 1e-13));
}

/// The kernel's gradients against those of the graph over all scores.
void expect_gradients_of_all_scores(std::int64_t M, std::int64_t L, const F::AttentionOptions& options) {
  const Variable q(random_array({2, M, 3}, 1), true), k(random_array({2, L, 3}, 2), true),
      v(random_array({2, L, 2}, 3), true);
  const auto gradients = [&](bool differentiable) {
    const Variable y = F::scaled_dot_product_attention(q, k, v, options);
    for (const Variable& x : {q, k, v}) full(x.shape(), NAN, Dtype::kFloat64);  // freed memory that is used again
    return grad({F::sum(y * y)}, {q, k, v}, {}, {.enable_double_backprop = differentiable});
  };
  const Variables found = gradients(false), expected = gradients(true);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(near(found[i].array(), expected[i].array(), 1e-12)) << "M " << M << ", L " << L << ", input " << i;
  }
}

TEST(AttentionTest, GradientsAreRightAcrossTilesAndWhereNoKeyIsSeen) {
  expect_gradients_of_all_scores(270, 300, {});
  for (const auto& [M, L] :
       {std::pair<std::int64_t, std::int64_t>{270, 270}, {257, 301}, {301, 257}, {40, 300}, {300, 40}, {32, 33}})
    expect_gradients_of_all_scores(M, L, {.causal = true});
}

TEST(AttentionTest, GradientsAcrossTilesHeedABiasAndLengths) {
  const Array bias = random_array({290, 270}, 4), lengths = array<std::int32_t>({260, 3});
  expect_gradients_of_all_scores(290, 270, {.causal = true, .bias = bias, .lengths = lengths});
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
