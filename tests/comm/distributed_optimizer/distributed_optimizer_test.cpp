#include "comm/distributed_optimizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <memory>

#include "comm/gradients/compression/gradient_compression.h"
#include "comm/shm/thread_group.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/reduction.h"
#include "core/models/mlp.h"
#include "core/optimizers/momentum_sgd.h"
#include "core/optimizers/sgd.h"
#include "tests/support/changing_models.h"

namespace rensa {
namespace {

using rensa::testing::Branches;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(DistributedOptimizerTest, AnUnusedParameterCountsAsZeros) {
  run_on_threads(2, [](Communicator& comm) {
    Branches model;
    DistributedOptimizer optimizer(Sgd({.lr = 1}), comm);
    optimizer.setup(model);
    for (int step = 0; step < 3; ++step) {
      functions::sum(comm.rank() == 0 ? model.left * 2 : model.right * 4).backward();
      optimizer.update();
    }
    EXPECT_THAT(to_vector<float>(model.left.array()), Each(-3.0f));   // 3 × mean(2, 0)
    EXPECT_THAT(to_vector<float>(model.right.array()), Each(-6.0f));  // 3 × mean(0, 4)
  });
}

TEST(DistributedOptimizerTest, AllRanksStartWithTheWeightsOfRank0) {
  run_on_threads(3, [](Communicator& comm) {
    Branches model;
    model.left.array().fill(comm.rank() + 5);
    DistributedOptimizer optimizer(Sgd({.lr = 1}), comm);
    optimizer.setup(model);
    EXPECT_THAT(to_vector<float>(model.left.array()), Each(5.0f));
  });
}

TEST(DistributedOptimizerTest, RefusesASecondBackwardThatCouldComeTooLate) {
  EXPECT_THAT(
      [] {
        run_on_threads(2, [](Communicator& comm) {
          Branches model;
          DistributedOptimizer optimizer(Sgd({.lr = 1}), comm);
          optimizer.setup(model);
          functions::sum(model.left * 2).backward();
          functions::sum(model.left * 2).backward();
        });
      },
      ThrowsMessage<GraphError>(HasSubstr("switch overlap off")));
}

TEST(DistributedOptimizerTest, AddsUpSeveralBackwardsWithoutOverlap) {
  run_on_threads(2, [](Communicator& comm) {
    Branches model;
    DistributedOptimizer optimizer(Sgd({.lr = 1}), comm, {.overlap = false});
    optimizer.setup(model);
    functions::sum(model.left * 2).backward();
    functions::sum(model.left * 4).backward();
    optimizer.update();
    EXPECT_THAT(to_vector<float>(model.left.array()), Each(-6.0f));
  });
}

TEST(DistributedOptimizerTest, TheFirstUpdateUpdatesWithTheMean) {
  run_on_threads(3, [](Communicator& comm) {
    Branches model;
    DistributedOptimizer optimizer(Sgd({.lr = 1}), comm);
    optimizer.setup(model);
    functions::sum(model.left * comm.rank() + model.right * 3).backward();
    optimizer.update();
    EXPECT_EQ(optimizer.t(), 1);
    EXPECT_THAT(to_vector<float>(model.left.array()), Each(::testing::FloatEq(-1)));
    EXPECT_THAT(to_vector<float>(model.right.array()), Each(::testing::FloatEq(-3)));
  });
}

TEST(DistributedOptimizerTest, WithoutZeroFillAParameterThatNobodyUsedIsLeftAlone) {
  for (const int ranks : {1, 2}) {
    run_on_threads(ranks, [](Communicator& comm) {
      Branches model;
      model.right.array().fill(8);
      DistributedOptimizer optimizer(MomentumSgd({.lr = 1, .momentum = 0.5, .common = {.weight_decay = 0.5}}), comm,
                                     {.zero_fill = false});
      optimizer.setup(model);
      functions::sum(model.left * 2).backward();
      optimizer.update();
      EXPECT_THAT(to_vector<float>(model.right.array()), Each(8.0f));  // not even decayed
      EXPECT_THAT(to_vector<float>(model.left.array()), Each(-2.0f));
      if (comm.rank() == 0) functions::sum(model.right * (2 * comm.size())).backward();  // one of them used it
      optimizer.update();
      EXPECT_THAT(to_vector<float>(model.right.array()), Each(2.0f));  // 8 − (2 + 0.5 × 8)
      EXPECT_THAT(to_vector<float>(model.left.array()), Each(-2.0f));
      EXPECT_TRUE(model.left.update_enabled);
    });
  }
}

TEST(DistributedOptimizerTest, AddsUpWhatComesInsideNoSync) {
  for (const bool overlap : {true, false}) {
    run_on_threads(2, [&](Communicator& comm) {
      Branches model;
      DistributedOptimizer optimizer(Sgd({.lr = 1}), comm, {.overlap = overlap});
      optimizer.setup(model);
      for (int step = 1; step <= 2; ++step) {
        {
          const NoSync local(optimizer);
          functions::sum(model.left * 2 + model.right).backward();
          functions::sum(model.left * (4 + 2 * comm.rank())).backward();
          EXPECT_THAT([&] { optimizer.update(); }, ThrowsMessage<GraphError>(HasSubstr("NoSync")));
        }
        functions::sum(model.left * 10).backward();
        optimizer.update();
        EXPECT_THAT(to_vector<float>(model.left.array()), Each(-17.0f * static_cast<float>(step)));
        EXPECT_THAT(to_vector<float>(model.right.array()), Each(-1.0f * static_cast<float>(step)));
      }
    });
  }
}

TEST(DistributedOptimizerTest, NoSyncBehindASynchronisedBackwardIsRefused) {
  run_on_threads(2, [](Communicator& comm) {
    Branches model;
    DistributedOptimizer optimizer(Sgd({.lr = 1}), comm);
    optimizer.setup(model);
    functions::sum(model.left + model.right).backward();
    {
      const NoSync local(optimizer);
      EXPECT_THAT([&] { functions::sum(model.left * 2).backward(); },
                  ThrowsMessage<GraphError>(HasSubstr("second backward() before update()")));
    }
    optimizer.update();  // by the first
    EXPECT_THAT(to_vector<float>(model.left.array()), Each(-1.0f));
    EXPECT_THAT(to_vector<float>(model.right.array()), Each(-1.0f));
  });
}

TEST(DistributedOptimizerTest, NoSyncScopesNest) {
  run_on_threads(2, [](Communicator& comm) {
    Branches model;
    DistributedOptimizer optimizer(Sgd({.lr = 1}), comm);
    optimizer.setup(model);
    {
      const NoSync outer(optimizer);
      {
        const NoSync inner(optimizer);
        functions::sum(model.left * 2).backward();
      }
      functions::sum(model.left * 4).backward();
    }
    functions::sum(model.left * 10).backward();
    optimizer.update();
    EXPECT_THAT(to_vector<float>(model.left.array()), Each(-16.0f));
  });
}

TEST(DistributedOptimizerTest, SaysWhetherGradientsAreFinite) {
  for (const ReducerOptions& options :
       {ReducerOptions{}, ReducerOptions{.carry_over = true}, ReducerOptions{.zero = 1}}) {
    run_on_threads(2, [&](Communicator& comm) {
      Branches model;
      DistributedOptimizer optimizer(Sgd({.lr = 1}), comm, options);
      optimizer.setup(model);
      for (int step = 0; step < 3; ++step) {
        functions::sum(model.left * 2 + model.right).backward();
        EXPECT_TRUE(optimizer.is_safe_to_update());
        optimizer.update();
        EXPECT_TRUE(optimizer.is_safe_to_update());
      }
      const NoSync local(optimizer);
      functions::sum(model.left * std::numeric_limits<double>::infinity()).backward();
      EXPECT_FALSE(optimizer.is_safe_to_update());
    });
  }
}

/// An optimizer of a user: moves every parameter by a fixed step against the gradient's sign.
class SignDescent final : public Optimizer {
 public:
  const char* name() const override { return "sign_descent"; }
  double lr() const override { return lr_; }
  void set_lr(double lr) override { lr_ = lr; }

 private:
  void update_range(const Range& range) override {
    for (std::int64_t i = 0; i < range.values.size(); ++i) {
      const float gradient = range.gradients.data<float>()[i];
      if (gradient != 0) range.values.data<float>()[i] -= gradient > 0 ? 1.0f : -1.0f;
    }
  }
  double lr_ = 1;
};

/// One that makes its steps without ranges.
class ByHand final : public Optimizer {
 public:
  const char* name() const override { return "by_hand"; }
  double lr() const override { return 1; }
  void set_lr(double) override {}
  void update() override {
    for (Parameter* parameter : model().parameters()) {
      if (!parameter->grad()) continue;
      const auto values = to_vector<float>(parameter->array()), gradients = to_vector<float>(parameter->grad());
      for (std::size_t i = 0; i < values.size(); ++i)
        parameter->array().data<float>()[i] = values[i] - 2 * gradients[i];
      parameter->clear_grad();
    }
  }

 private:
  void update_range(const Range&) override {}
};

TEST(DistributedOptimizerTest, WrapsOptimizersOfUsers) {
  run_on_threads(2, [](Communicator& comm) {
    for (const int zero : {0, 1, 2}) {
      Branches model;
      DistributedOptimizer optimizer(SignDescent(), comm, {.zero = zero});
      optimizer.setup(model);
      functions::sum(model.left * (comm.rank() == 0 ? 3 : -1) + model.right * (comm.rank() == 0 ? -3 : 1)).backward();
      optimizer.update();
      EXPECT_THAT(to_vector<float>(model.left.array()), Each(-1.0f));
      EXPECT_THAT(to_vector<float>(model.right.array()), Each(1.0f));
    }
    Branches model;
    DistributedOptimizer optimizer(ByHand(), comm);
    optimizer.setup(model);
    functions::sum(model.left * comm.rank()).backward();
    optimizer.update();
    EXPECT_THAT(to_vector<float>(model.left.array()), Each(-1.0f));
  });
}

TEST(DistributedOptimizerTest, NamesOptionsThatExcludeEachOther) {
  run_on_threads(2, [](Communicator& comm) {
    const auto refusal = [&](const ReducerOptions& options, const char* a, const char* b) {
      EXPECT_THAT([&] { DistributedOptimizer(Sgd({.lr = 1}), comm, options); },
                  ThrowsMessage<ValueError>(AllOf(HasSubstr(a), HasSubstr(b))));
    };
    refusal({.double_buffering = true, .zero = 1}, "zero", "double_buffering");
    refusal({.zero_fill = false, .zero = 2}, "zero", "zero_fill = false");
    refusal({.zero_fill = false, .double_buffering = true}, "double_buffering", "zero_fill = false");
    refusal({.zero = 3}, "zero", "0, 1 or 2");
    refusal({.double_buffering = true, .carry_over = true}, "carry_over", "double_buffering");
    refusal({.overlap = false, .carry_over = true}, "carry_over", "overlap = false");
    Branches model;
    DistributedOptimizer compressed(Sgd({.lr = 1}), comm, {.compression = make_compression("one_bit")});
    compressed.setup(model);
    comm.config().set("allreduce_grad_dtype", "float16");
    refusal({.compression = make_compression("one_bit")}, "compression", "allreduce_grad_dtype = float16");
    functions::sum(model.left * 2).backward();
    EXPECT_THAT([&] { compressed.update(); }, ThrowsMessage<ValueError>(HasSubstr("allreduce_grad_dtype")));
    comm.config().set("allreduce_grad_dtype", "");
    EXPECT_THAT([&] { DistributedOptimizer(Sgd({.lr = 1, .common = {.clip_norm = 1}}), comm, {.carry_over = true}); },
                ThrowsMessage<ValueError>(HasSubstr("clip_norm")));
    DistributedOptimizer optimizer(Sgd({.lr = 1}), comm, {.zero = 1});
    EXPECT_THAT([&] { optimizer.add_hook("noise", [](Optimizer&) {}); }, ThrowsMessage<ValueError>(HasSubstr("noise")));
    DistributedOptimizer carrying(Sgd({.lr = 1}), comm, {.carry_over = true});
    EXPECT_THAT([&] { carrying.add_hook("clip", [](Optimizer&) {}, HookTiming::kPost); },
                ThrowsMessage<ValueError>(HasSubstr("new parameters")));
    for (const ReducerOptions& options : {ReducerOptions{.carry_over = true}, ReducerOptions{.double_buffering = true},
                                          ReducerOptions{.compression = make_compression("one_bit")}}) {
      const auto excluded = ThrowsMessage<ValueError>(HasSubstr("a dynamic loss scale and"));
      DistributedOptimizer unscaled(Sgd({.lr = 1}), comm, options);
      EXPECT_THAT([&] { unscaled.loss_scaling(); }, excluded);
      auto scaled = std::make_unique<Sgd>(SgdOptions{.lr = 1});
      scaled->loss_scaling();
      EXPECT_THAT([&] { DistributedOptimizer(std::move(scaled), comm, options); }, excluded);
    }
    for (const ReducerOptions& options : {ReducerOptions{.zero = 2}, ReducerOptions{.carry_over = true}}) {
      auto hooked = std::make_unique<Sgd>(SgdOptions{.lr = 1});
      hooked->add_hook("noise", [](Optimizer&) {});
      EXPECT_THAT([&] { DistributedOptimizer(std::move(hooked), comm, options); },
                  ThrowsMessage<ValueError>(HasSubstr("noise")));
    }
  });
}

TEST(DistributedOptimizerTest, NamesTheParameterThatDiffersBetweenRanks) {
  EXPECT_THAT(
      [] {
        run_on_threads(2, [](Communicator& comm) {
          models::Mlp model({.in = 4, .units = 3 + comm.rank(), .out = 2});
          DistributedOptimizer optimizer(Sgd({.lr = 1}), comm);
          optimizer.setup(model);
        });
      },
      ThrowsMessage<CommError>(AllOf(HasSubstr("(2, 4)"), HasSubstr("(2, 3)"))));
}

}  // namespace
}  // namespace rensa
