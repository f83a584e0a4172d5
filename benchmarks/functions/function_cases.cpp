#include <algorithm>
#include <utility>

#include "benchmarks/functions/cases.h"
#include "core/array/random.h"
#include "core/functions/activation.h"
#include "core/functions/arithmetic.h"
#include "core/functions/indexing.h"
#include "core/functions/math.h"
#include "core/functions/matmul.h"
#include "core/functions/normalization.h"
#include "core/functions/pooling.h"
#include "core/functions/rearrangement.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "core/functions/softmax.h"
#include "core/functions/softmax_cross_entropy.h"

namespace rensa::benchmarks {
namespace {

namespace F = functions;

Variable input(const Shape& shape, std::uint64_t seed) {
  RandomStream random(seed, Purpose::kSynthetic);
  return {random::normal(shape, random), /*requires_grad=*/true};
}

/// Forward and backward of `function` of `inputs`, from a gradient of ones.
std::function<void()> forward_and_backward(std::vector<Variable> inputs, std::function<Variable()> function) {
  const Variable y = function();
  return [inputs = std::move(inputs), function = std::move(function), ones = ones(y.shape())] {
    for (const Variable& x : inputs) Variable(x).clear_grad();
    const Variable result = function();
    Variable(result).set_grad(Variable(ones));
    result.backward();
  };
}

class Cases {
 public:
  explicit Cases(std::int64_t elements) : elements_(elements) {}
  /// Bytes are four times what is given: elements read and written.
  void add(std::string name, double moved, std::vector<Variable> inputs, std::function<Variable()> function) {
    cases_.push_back(
        {std::move(name), elements_, forward_and_backward(std::move(inputs), std::move(function)), 4 * moved});
  }
  std::vector<Case> take() { return std::move(cases_); }

 private:
  const std::int64_t elements_;
  std::vector<Case> cases_;
};

void add_elementwise(Cases& cases, std::int64_t size) {
  const Variable x = input({size}, 1), w = input({size}, 2), b = input({size}, 3);
  const auto n = static_cast<double>(size);
  cases.add("add", 3 * n, {x, w}, [=] { return x + w; });
  cases.add("mul", 8 * n, {x, w}, [=] { return x * w; });
  cases.add("relu", 5 * n, {x}, [=] { return F::relu(x); });
  cases.add("exp", 5 * n, {x}, [=] { return F::exp(x); });
  cases.add("tanh", 5 * n, {x}, [=] { return F::tanh(x); });
  cases.add("gelu", 5 * n, {x}, [=] { return F::gelu(x); });
  // mul 3 + 5, add 3, relu 2 + 3, mul 3 + 5, add 3, and the sum of two gradients of x and of w
  cases.add("chain", 33 * n, {x, w, b}, [=] { return F::relu(x * w + b) * x + w; });
}

void add_reductions(Cases& cases, std::int64_t rows, std::int64_t columns) {
  const Variable x = input({rows, columns}, 4);
  const auto n = static_cast<double>(x.size());
  cases.add("sum", 2 * n, {x}, [=] { return F::sum(x); });
  cases.add("sum_rows", 2 * n, {x}, [=] { return F::sum(x, {1}); });
  cases.add("sum_columns", 2 * n, {x}, [=] { return F::sum(x, {0}); });
  cases.add("mean_rows", 2 * n, {x}, [=] { return F::mean(x, {1}); });
  cases.add("max_rows", 3 * n, {x}, [=] { return F::max(x, {1}); });
}

void add_rows(Cases& cases, std::int64_t rows, std::int64_t columns) {
  const Variable x = input({rows, columns}, 5), gamma = input({columns}, 6), beta = input({columns}, 7);
  const auto n = static_cast<double>(x.size());
  cases.add("layer_normalization", 5 * n, {x, gamma, beta}, [=] { return F::layer_normalization(x, gamma, beta); });
  cases.add("softmax", 5 * n, {x}, [=] { return F::softmax(x); });
  cases.add("log_softmax", 5 * n, {x}, [=] { return F::log_softmax(x); });
  const std::int64_t classes = std::min<std::int64_t>(x.size(), 50000), examples = x.size() / classes;
  const Variable scores = input({examples, classes}, 8);
  RandomStream random(9, Purpose::kSynthetic);
  const Array t = random::integers({examples}, random, 0, classes);
  cases.add("softmax_cross_entropy", 3 * n, {scores}, [=] { return F::softmax_cross_entropy(scores, t); });
}

/// Words of 256 numbers out of 50,000; the gradient of the whole table is written.
void add_embedding(Cases& cases, std::int64_t size) {
  constexpr std::int64_t kWords = 50000, kSize = 256;
  const Variable W = input({kWords, kSize}, 10);
  const std::int64_t words = std::max<std::int64_t>(1, size / kSize);
  RandomStream random(11, Purpose::kSynthetic);
  const Array ids = random::integers({words}, random, 0, kWords);
  const double moved = static_cast<double>(kWords * kSize) + 5 * static_cast<double>(words * kSize);
  cases.add("embed_id", moved, {W}, [=] { return F::embed_id(ids, W); });
}

void add_products(Cases& cases, std::int64_t size) {
  const std::int64_t batch = std::max<std::int64_t>(1, size / (64 * 64));
  const Variable a = input({batch, 64, 64}, 12), b = input({batch, 64, 64}, 13);
  cases.add("batch_matmul", 0, {a, b}, [=] { return F::batch_matmul(a, b); });
}

void add_pooling(Cases& cases, std::int64_t size) {
  const std::int64_t batch = std::max<std::int64_t>(1, size / (64 * 28 * 28));
  const std::int64_t channels = std::min<std::int64_t>(64, std::max<std::int64_t>(1, size / (28 * 28)));
  Variable x = input({batch, channels, 28, 28}, 14);
  x = Variable(x.array().channels_last(), /*requires_grad=*/true);
  const auto n = static_cast<double>(x.size());
  const F::PoolingOptions window{.kernel = {3, 3}, .stride = {{2, 2}}, .pad = {1, 1}, .cover_all = false};
  cases.add("max_pooling_2d", 2.5 * n, {x}, [=] { return F::max_pooling_2d(x, window); });
  cases.add("average_pooling_2d", 2.5 * n, {x}, [=] { return F::average_pooling_2d(x); });
}

void add_joining(Cases& cases, std::int64_t rows, std::int64_t columns) {
  const Variable x = input({rows, columns}, 15);
  const auto n = static_cast<double>(x.size());
  std::vector<Variable> parts;
  for (std::uint64_t i = 0; i < 4; ++i) parts.push_back(input({rows, columns / 4}, 16 + i));
  const Variables joined(parts.begin(), parts.end());
  cases.add("concat", 2 * n, parts, [=] { return F::concat(joined, 1); });
  cases.add("split_axis", 0, {x}, [=] {
    const Variables ys = F::split_axis(x, 4, 1);
    return ys[0] + ys[1] + ys[2] + ys[3];
  });
  cases.add("transpose", 4 * n, {x}, [=] { return F::copy(F::transpose(x)); });
}

void add_indexing(Cases& cases, std::int64_t rows, std::int64_t columns) {
  const Variable x = input({rows, columns}, 20);
  const auto n = static_cast<double>(x.size());
  RandomStream random(21, Purpose::kSynthetic);
  const Array order = random::permutation(rows, random);
  cases.add("take_rows", 5 * n, {x}, [=] { return F::get_item(x, {order}); });
  const Array places = random::integers({rows, columns}, random, 0, columns);
  cases.add("gather", 5 * n, {x}, [=] { return F::gather(x, places, 1); });
  const Slice every_second{.start = 0, .stop = columns, .step = 2};
  cases.add("slice", 2 * n, {x}, [=] { return F::copy(F::get_item(x, {Slice{}, every_second})); });
  const Array condition = random::bernoulli({rows, columns}, random);
  const Variable z = input({rows, columns}, 22);
  cases.add("where", 6 * n, {x, z}, [=] { return F::where(condition, x, z); });
}

}  // namespace

std::vector<Case> function_cases(std::int64_t elements) {
  Cases cases(elements);
  const std::int64_t columns = elements < 10000 ? 100 : 1000, rows = elements / columns;
  add_elementwise(cases, elements);
  add_reductions(cases, rows, columns);
  add_rows(cases, rows, columns);
  add_embedding(cases, elements);
  add_products(cases, elements);
  add_pooling(cases, elements);
  add_joining(cases, rows, columns);
  add_indexing(cases, rows, columns);
  return cases.take();
}

}  // namespace rensa::benchmarks
