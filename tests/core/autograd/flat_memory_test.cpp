#include <gtest/gtest.h>

#include <cstdio>

#include "core/array/random.h"
#include "core/device/allocator.h"
#include "core/functions/activation.h"
#include "core/functions/arithmetic.h"
#include "core/functions/attention.h"
#include "core/functions/indexing.h"
#include "core/functions/pooling.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "core/functions/softmax_cross_entropy.h"
#include "core/links/batch_normalization.h"
#include "core/links/connection.h"
#include "core/links/convolution_2d.h"
#include "core/links/linear.h"
#include "core/links/n_step.h"
#include "core/optimizers/adam.h"
#include "tests/support/resident_memory.h"

namespace rensa {
namespace {

namespace F = functions;

using testing::resident_kib;

/// A network whose graph is another one in every step: pictures, sequences and sentences of any size, and a part that
/// is as deep as chance has it.
struct Changing : Link {
  static constexpr std::int64_t kUnits = 8, kWords = 30;
  Convolution2D convolution{{.in = 3, .out = kUnits, .window = {.pad = {1, 1}}}};
  BatchNormalization normalization{{.size = kUnits}};
  Linear deeper{{.in = kUnits, .out = kUnits}}, out{{.in = kUnits, .out = 4}};
  EmbedId embed{{.in = kWords, .out = kUnits}};
  std::unique_ptr<NStepRnn> lstm = n_step_bilstm({.layers = 1, .in = kUnits, .out = kUnits});

  Changing() {
    add("convolution", convolution);
    add("normalization", normalization);
    add("deeper", deeper);
    add("out", out);
    add("embed", embed);
    add("lstm", *lstm);
  }

  Variable loss(RandomStream& random) {
    const auto between = [&](std::int64_t least, std::int64_t most) {
      return least + static_cast<std::int64_t>(random.below(static_cast<std::uint32_t>(most - least + 1)));
    };
    const std::int64_t batch = between(1, 8);
    const Variable pictures(random::normal({batch, 3, between(6, 24), between(6, 24)}, random));
    Variable h = F::relu(normalization(convolution(pictures)));
    h = F::global_average_pooling_2d(F::max_pooling_2d(h, {.kernel = {2, 2}}));
    for (std::int64_t depth = between(0, 8); depth > 0; --depth) h = F::tanh(deeper(h));
    Variable sum = F::softmax_cross_entropy(out(h), random::integers({batch}, random, 0, 4));

    Variables sequences;
    for (std::int64_t i = between(1, 4); i > 0; --i)
      sequences.push_back(embed(random::integers({between(1, 12)}, random, 0, kWords)));
    const Variable states = F::concat((*lstm)({}, {}, sequences).ys, 0);
    sum = sum + F::mean(states * states);

    const std::int64_t length = between(1, 40);
    const Variable words =
        F::reshape(embed(random::integers({batch, length}, random, 0, kWords)), {batch, length, 2, kUnits / 2});
    const Variable heads = F::transpose(words, {0, 2, 1, 3});
    const Variable y = F::scaled_dot_product_attention(heads, heads, heads, {.causal = batch % 2 == 0});
    return sum + F::mean(F::get_item(y, {Ellipsis{}, Slice{.step = 2}}) * 2.0);
  }
};

TEST(FlatMemorySlowTest, TenThousandIterationsOfChangingShapes) {
  RandomStream random(1, Purpose::kSynthetic);
  Changing model;
  Adam optimizer;
  optimizer.setup(model);
  std::size_t in_use = 0;
  std::int64_t resident = 0;
  for (int i = 1; i <= 10'000; ++i) {
    model.loss(random).backward();
    optimizer.update();
    if (i % 1000 != 0) continue;
    const MemoryStatistics memory = allocator({}).statistics();
    const std::int64_t now = resident_kib();
    std::printf("%5d iterations: %zu bytes of arrays, %zu KiB held for arrays, %lld KiB resident\n", i, memory.in_use,
                memory.reserved / 1024, static_cast<long long>(now));
    if (i == 2000) {  // caches are full
      in_use = memory.in_use;
      resident = now;
    }
  }
  EXPECT_EQ(allocator({}).statistics().in_use, in_use);
  EXPECT_LE(resident_kib() - resident, 8 * 1024);
}

}  // namespace
}  // namespace rensa
