#include <memory>
#include <utility>

#include "benchmarks/functions/cases.h"
#include "core/array/random.h"
#include "core/functions/activation.h"
#include "core/functions/arithmetic.h"
#include "core/functions/attention.h"
#include "core/functions/linear.h"
#include "core/functions/reduction.h"
#include "core/links/tree_lstm.h"

namespace rensa::benchmarks {
namespace {

namespace F = functions;

Variable input(const Shape& shape, std::uint64_t seed) {
  RandomStream random(seed, Purpose::kSynthetic);
  return {random::normal(shape, random, 0, 0.1), /*requires_grad=*/true};
}

Case attention(bool causal) {
  const Shape shape{1, 8, 2048, 64};
  const Variable q = input(shape, 1), k = input(shape, 2), v = input(shape, 3);
  return {causal ? "attention_2048_causal" : "attention_2048", q.size(), [=, gy = ones(shape)] {
            for (const Variable& x : {q, k, v}) Variable(x).clear_grad();
            Variable y = F::scaled_dot_product_attention(q, k, v, {.causal = causal});
            y.set_grad(Variable(gy));
            y.backward();
          }};
}

/// The numbers that pytorch_functions.py draws too: Knuth's linear congruence, MMIX.
class Draws {
 public:
  std::int64_t below(std::int64_t limit) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::int64_t>(state_ >> 33) % limit;
  }

 private:
  std::uint64_t state_ = 1;
};

constexpr std::int64_t kUnits = 32;

/// The state of a random binary tree with so many leaves.
F::LstmState state_of(NaryTreeLstm& cell, const Array& words, std::int64_t leaves, Draws& draws) {
  if (leaves == 1) {
    const std::int64_t word = draws.below(words.shape()[0]);
    return cell({}, {}, words.slice(0, {.start = word, .stop = word + 1}));
  }
  const std::int64_t left = 1 + draws.below(leaves - 1);
  const F::LstmState a = state_of(cell, words, left, draws), b = state_of(cell, words, leaves - left, draws);
  return cell({a.c, b.c}, {a.h, b.h}, {});
}

/// 64 trees of 5 to 20 leaves, one after the other, as a user who writes the recursion down gets them.
Case tree_lstm() {
  const auto cell = std::make_shared<NaryTreeLstm>(CellOptions{.in = kUnits, .out = kUnits});
  const Array words = input({100, kUnits}, 4).array();
  return {"tree_lstm_64_trees", 64, [=] {
            cell->clear_grads();
            Draws draws;
            Variable loss;
            for (int tree = 0; tree < 64; ++tree) {
              const Variable root = F::sum(state_of(*cell, words, 5 + draws.below(16), draws).h);
              loss = loss ? loss + root : root;
            }
            loss.backward();
          }};
}

/// h = tanh(x + w h), 1,000 times, one unit.
Case one_unit_rnn() {
  const Variable x = input({1, 1}, 5), W = input({1, 1}, 6), b = input({1}, 7);
  return {"rnn_1_unit_1000_steps", 1000, [=] {
            for (const Variable& v : {x, W, b}) Variable(v).clear_grad();
            Variable h = x;
            for (int step = 0; step < 1000; ++step) h = F::tanh(x + F::linear(h, W, &b));
            F::sum(h).backward();
          }};
}

}  // namespace

std::vector<Case> whole_cases() {
  std::vector<Case> cases;
  cases.push_back(attention(/*causal=*/false));
  cases.push_back(attention(/*causal=*/true));
  cases.push_back(tree_lstm());
  cases.push_back(one_unit_rnn());
  return cases;
}

}  // namespace rensa::benchmarks
