#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/communicators/create_communicator.h"
#include "comm/distributed_optimizer.h"
#include "comm/shm/thread_group.h"
#include "core/autograd/gradient_check.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/reduction.h"
#include "core/functions/softmax_cross_entropy.h"
#include "core/models/mlp.h"
#include "core/optimizers/adam.h"
#include "core/optimizers/make_optimizer.h"
#include "core/optimizers/momentum_sgd.h"
#include "core/serializers/npz.h"
#include "tests/support/hashed_numbers.h"
#include "tests/support/scratch_folder.h"

namespace rensa {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

using MakeOptimizer = std::function<std::unique_ptr<Optimizer>()>;

const MakeOptimizer kAdam = [] { return std::make_unique<AdamW>(AdamOptions{.lr = 0.01, .weight_decay_rate = 0.01}); };
const MakeOptimizer kMomentum = [] {
  return std::make_unique<MomentumSgd>(MomentumSgdOptions{.lr = 0.05, .common = {.weight_decay = 0.01}});
};
const MakeOptimizer kClipped = [] {
  return std::make_unique<MomentumSgd>(MomentumSgdOptions{.lr = 0.5, .common = {.clip_norm = 0.05}});
};

ReducerOptions options(int zero) { return {.first_bucket_bytes = 1000, .bucket_bytes = 8000, .zero = zero}; }

/// A network with parameters of their own settings, and the optimizer that trains it on made-up numbers.
struct Training {
  models::Mlp model{{.in = 20, .units = 40, .out = 10}};
  DistributedOptimizer optimizer;
  Communicator& comm;

  Training(Communicator& c, const MakeOptimizer& make, int zero) : optimizer(make(), c, options(zero)), comm(c) {
    const auto named = model.named_parameters();
    named[0].parameter->lr_scale = 0.5;
    named[2].parameter->update_enabled = false;
    named[3].parameter->weight_decay_scale = 0;
    optimizer.setup(model);
  }
  void steps(int first, int last) {
    for (int step = first; step < last; ++step) {
      // always four pieces, so that any number of ranks up to four adds up the same ones
      for (int piece = comm.rank(); piece < 4; piece += comm.size()) {
        const rensa::testing::HashedNumbers numbers(static_cast<std::uint64_t>(100 * step + piece));
        std::vector<double> x;
        std::vector<std::int64_t> t;
        for (std::int64_t i = 0; i < 5; ++i) {
          for (std::int64_t j = 0; j < 20; ++j) x.push_back(numbers.uniform(i * 20 + j));
          t.push_back(numbers.label(i, 10));
        }
        std::optional<NoSync> local;
        if (piece + comm.size() < 4) local.emplace(optimizer);
        functions::softmax_cross_entropy(model(array(x, {5, 20}).to(Dtype::kFloat32)), array(t, {5}))
            .backward({.loss_scale = comm.size() / 4.0});
      }
      optimizer.update();
    }
  }
  std::vector<float> weights() {
    std::vector<float> all;
    for (const Parameter* parameter : model.parameters()) {
      for (const float value : to_vector<float>(parameter->array())) all.push_back(value);
    }
    return all;
  }
};

std::vector<float> train(Communicator& comm, const MakeOptimizer& make, int zero, int count) {
  seed_parameters(3);
  Training training(comm, make, zero);
  training.steps(0, count);
  return training.weights();
}

class ZeroTest : public ::testing::TestWithParam<std::tuple<int, int>> {};  // stage, ranks

TEST_P(ZeroTest, GivesTheSameBitsAsUnsharded) {
  const auto [zero, ranks] = GetParam();
  for (const int ranks_per_node : {0, 1}) {
    run_on_threads(ranks,
                   [zero = zero](Communicator& threads) {
                     for (const char* name : {"flat", "naive"}) {
                       SCOPED_TRACE(name);
                       const auto comm = compose_communicator(name, threads.split(0, threads.rank()));
                       for (const MakeOptimizer& make : {kAdam, kMomentum}) {
                         EXPECT_EQ(train(*comm, make, zero, 6), train(*comm, make, 0, 6));
                       }
                       comm->config().set("allreduce_grad_dtype", "float16");
                       EXPECT_EQ(train(*comm, kMomentum, zero, 6), train(*comm, kMomentum, 0, 6));
                     }
                   },
                   {.ranks_per_node = ranks_per_node});
  }
}

TEST_P(ZeroTest, PostHooksClipWholeParameters) {
  const auto [zero, ranks] = GetParam();
  run_on_threads(ranks, [zero = zero](Communicator& comm) {
    const auto clipped = [&](int stage, Dtype dtype) {
      Parameter W({33}, init::ones(), dtype);
      struct One : Link {
        explicit One(Parameter& parameter) { add("W", parameter); }
      } model(W);
      DistributedOptimizer optimizer(MomentumSgd({.lr = 0.01}), comm, options(stage));
      optimizer.add_hook(
          "halve the part above 1",
          [](Optimizer& o) {
            for (const ParameterArena& arena : o.arenas()) {
              EXPECT_EQ(arena.values.dtype(), Dtype::kFloat32);
              for (std::int64_t i = 0; i < arena.slots.front().size; ++i) {
                float& value = arena.values.data<float>()[i];
                if (value > 1) value = 1 + (value - 1) / 2;
              }
            }
          },
          HookTiming::kPost);
      optimizer.setup(model);
      for (int step = 0; step < 4; ++step) {
        functions::sum(W * Variable(random_array({33}, static_cast<std::uint64_t>(step)).to(dtype))).backward();
        optimizer.update();
        // what the hook finds in float32, and behind it the values
        const std::size_t bytes =
            static_cast<std::size_t>(optimizer.arenas()[0].values.size()) * (sizeof(float) + item_size(dtype));
        EXPECT_EQ(optimizer.gathered_bytes(),
                  stage > 0 && comm.size() > 1 ? bytes / static_cast<std::size_t>(comm.size()) : 0);
      }
      return to_vector<double>(W.array().to(Dtype::kFloat64));
    };
    for (const Dtype dtype : {Dtype::kFloat32, Dtype::kFloat16}) EXPECT_EQ(clipped(zero, dtype), clipped(0, dtype));
  });
}

TEST_P(ZeroTest, ClipsByTheNormOfAllGradients) {
  const auto [zero, ranks] = GetParam();
  run_on_threads(ranks, [zero = zero](Communicator& comm) {
    const auto sharded = train(comm, kClipped, zero, 6), whole = train(comm, kClipped, 0, 6);
    ASSERT_EQ(sharded.size(), whole.size());
    for (std::size_t i = 0; i < whole.size(); ++i) EXPECT_NEAR(sharded[i], whole[i], 1e-6f);
    const auto free = train(comm, kMomentum, 0, 6);
    EXPECT_NE(whole, free);
  });
}

TEST_P(ZeroTest, NormsOfParametersAreTakenOverAllParts) {
  const auto [zero, ranks] = GetParam();
  run_on_threads(ranks, [zero = zero](Communicator& comm) {
    for (const char* name : {"lamb", "lars", "corrected_lars"}) {
      SCOPED_TRACE(name);
      const MakeOptimizer make = [&] { return make_optimizer(name, {.lr = 0.1, .common = {.weight_decay = 0.01}}); };
      const auto sharded = train(comm, make, zero, 6), whole = train(comm, make, 0, 6), start = train(comm, make, 0, 0);
      ASSERT_EQ(sharded.size(), whole.size());
      for (std::size_t i = 0; i < whole.size(); ++i) ASSERT_NEAR(sharded[i], whole[i], 2e-6f) << i;
      EXPECT_NE(whole, start);
    }
  });
}

TEST_P(ZeroTest, AnArrayInAnotherOrderOfAxesKeepsStateAndGradient) {
  const auto [zero, ranks] = GetParam();
  run_on_threads(ranks, [zero = zero](Communicator& comm) {
    const auto weights = [&](bool replaced) {
      seed_parameters(3);
      Training training(comm, kMomentum, zero);
      training.steps(0, 3);
      Parameter& W = *training.model.parameters().front();
      if (replaced) W.set_array(W.array().transpose().contiguous().transpose());
      training.steps(3, 5);
      return training.weights();
    };
    const std::vector<float> found = weights(true), expected = weights(false);
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) ASSERT_NEAR(found[i], expected[i], 1e-5f) << i;
  });
}

TEST_P(ZeroTest, RefusesRulesThatNeedWholeParameters) {
  const auto [zero, ranks] = GetParam();
  run_on_threads(ranks, [zero = zero](Communicator& comm) {
    if (comm.size() == 1) return;
    EXPECT_THAT([&] { DistributedOptimizer(make_optimizer("adafactor"), comm, options(zero)); },
                ThrowsMessage<ValueError>(HasSubstr("adafactor: needs whole parameters")));
  });
}

TEST_P(ZeroTest, EveryRankKeepsItsShareOfTheState) {
  const auto [zero, ranks] = GetParam();
  run_on_threads(ranks, [zero = zero](Communicator& comm) {
    Training sharded(comm, kAdam, zero), whole(comm, kAdam, 0);
    sharded.steps(0, 2);
    const std::size_t all = whole.optimizer.state_bytes(), mine = sharded.optimizer.state_bytes();
    EXPECT_GE(mine * static_cast<std::size_t>(comm.size()), all);
    EXPECT_LE(mine * static_cast<std::size_t>(comm.size()), all + 2 * 16 * 4 * static_cast<std::size_t>(comm.size()));
    std::size_t gradient_bytes = 0;
    for (const ParameterArena& arena : sharded.optimizer.arenas()) {
      if (arena.gradients) gradient_bytes += arena.gradients.bytes();
    }
    if (comm.size() == 1) return;  // there is nobody to share with
    EXPECT_EQ(gradient_bytes > 0, zero == 1);
    for (const Parameter* parameter : sharded.model.parameters()) EXPECT_FALSE(parameter->grad());
    EXPECT_THAT([&] { sharded.optimizer.state("m", *sharded.model.parameters().front()); },
                ThrowsMessage<ValueError>(HasSubstr("sharded")));
  });
}

TEST_P(ZeroTest, SnapshotsFitAnyNumberOfRanks) {
  const auto [zero, ranks] = GetParam();
  const rensa::testing::ScratchFolder folder;
  const auto save = [&](Communicator& comm, int stage, const std::string& name) {
    seed_parameters(3);
    Training training(comm, kAdam, stage);
    training.steps(0, 3);
    NpzWriter writer;
    training.model.serialize(writer.child("model"));
    training.optimizer.serialize(writer.child("optimizer"));
    if (comm.rank() == 0) writer.save(folder / name);
    comm.barrier();
  };
  const auto go_on = [&](Communicator& comm, int stage, const std::string& name) {
    seed_parameters(4);
    Training training(comm, kAdam, stage);
    NpzReader reader(folder / name);
    training.model.serialize(reader.child("model"));
    training.optimizer.serialize(reader.child("optimizer"));
    training.steps(3, 6);
    return training.weights();
  };
  run_on_threads(ranks, [&, zero = zero](Communicator& comm) {
    save(comm, zero, "sharded");
    save(comm, 0, "whole");
    const auto expected = train(comm, kAdam, 0, 6);
    EXPECT_EQ(go_on(comm, zero, "sharded"), expected);
    EXPECT_EQ(go_on(comm, 0, "sharded"), expected);
    EXPECT_EQ(go_on(comm, zero, "whole"), expected);
  });
  for (const int others : {1, 2, 4}) {
    run_on_threads(others, [&](Communicator& comm) {
      const auto expected = go_on(comm, 0, "whole");
      for (const int stage : {0, 1, 2}) EXPECT_EQ(go_on(comm, stage, "sharded"), expected);
    });
  }
}

INSTANTIATE_TEST_SUITE_P(StagesAndRanks, ZeroTest,
                         ::testing::Combine(::testing::Values(1, 2), ::testing::Values(1, 2, 3, 4)));

}  // namespace
}  // namespace rensa
