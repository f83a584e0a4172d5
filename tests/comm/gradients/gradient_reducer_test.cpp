#include "comm/gradients/gradient_reducer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>

#include "comm/distributed_optimizer.h"
#include "comm/gradients/carried_updates.h"
#include "comm/shm/thread_group.h"
#include "core/functions/arithmetic.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "core/optimizers/momentum_sgd.h"
#include "core/optimizers/sgd.h"
#include "core/serializers/npz.h"
#include "tests/support/scratch_folder.h"

namespace rensa {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

/// Five weights of 64 bytes, one of them of another dtype.
struct FiveWeights : Link {
  Parameter a{{15}, init::zeros()}, b{{15}, init::zeros()}, c{{15}, init::zeros()}, d{{15}, init::zeros()};
  Parameter e{{7}, init::zeros(), Dtype::kFloat64};
  FiveWeights() {
    add("a", a);
    add("b", b);
    add("c", c);
    add("d", d);
    add("e", e);
  }
};

ReducerOptions one_gradient_a_bucket() { return {.first_bucket_bytes = 1, .bucket_bytes = 1}; }

std::vector<std::string> names_in_order(const DistributedOptimizer& optimizer) {
  std::vector<std::string> names;
  for (const GradientBucket& bucket : optimizer.reducer().buckets()) {
    for (const auto& slot : bucket.slots) names.push_back(slot.parameter->name());
  }
  return names;
}

/// Uses the weights one after another, so that backward finishes them in reverse.
void backward_through(const std::vector<Parameter*>& weights) {
  Variable h = Variable(ones({1}));
  for (Parameter* weight : weights) h = h + functions::sum(*weight * h);
  h.backward();
}

TEST(CutArenaTest, CoversTheArenaInBucketsOfTheSizeAskedFor) {
  FiveWeights model;
  const auto arenas = make_arenas(model.parameters());
  ASSERT_EQ(arenas.size(), 2u);
  EXPECT_EQ(cut_arena(arenas[0], {}).size(), 1u);
  const auto buckets = cut_arena(arenas[1], {.first_bucket_bytes = 100, .bucket_bytes = 1});
  ASSERT_EQ(buckets.size(), 3u);  // d and c; b; a
  EXPECT_EQ(buckets[0].end - buckets[0].begin, 32);
  EXPECT_EQ(buckets[0].slots.size(), 2u);
  EXPECT_EQ(buckets[2].end, arenas[1].values.size());
}

TEST(CutArenaTest, BucketsGrowAtFirstAndShrinkTowardsTheEnd) {
  std::vector<std::unique_ptr<Parameter>> owned;
  std::vector<Parameter*> parameters;
  for (int i = 0; i < 100; ++i) {
    owned.push_back(std::make_unique<Parameter>(Shape{255}, init::zeros()));
    parameters.push_back(owned.back().get());
  }
  const auto sizes = [arenas = make_arenas(parameters)](std::size_t most) {
    std::vector<std::size_t> gradients;
    for (const GradientBucket& bucket : cut_arena(arenas[0], {.first_bucket_bytes = 1000, .bucket_bytes = most})) {
      gradients.push_back(bucket.slots.size());
    }
    return gradients;
  };
  EXPECT_THAT(sizes(1000000), ElementsAre(1, 1, 2, 4, 8, 16, 17, 13, 10, 7, 6, 4, 3, 2, 2, 1, 1, 1, 1));
  EXPECT_THAT(sizes(16 * 1024), ElementsAre(1, 1, 2, 4, 8, 16, 16, 13, 10, 8, 6, 4, 3, 2, 2, 1, 1, 1, 1));
}

TEST(CutArenaTest, GivesEveryRankAnEqualPartWhereWorkIsShared) {
  for (const int parts : {2, 3, 4, 7}) {
    Parameter small({3}, init::zeros()), large({10, 70}, init::zeros()), other({100}, init::zeros());
    const ArenaAllocator allocate = [](std::int64_t n, Dtype dtype, Device) { return zeros({n}, dtype); };
    const auto arenas = make_arenas({&other, &large, &small}, allocate, allocate, 16 * parts);
    const auto buckets = cut_arena(arenas[0], {.first_bucket_bytes = 1, .bucket_bytes = 1000}, parts);
    std::int64_t end = 0;
    for (const GradientBucket& bucket : buckets) {
      EXPECT_EQ(bucket.begin, end);
      EXPECT_EQ((bucket.end - bucket.begin) % (16 * parts), 0);
      for (const auto& slot : arenas[0].slots) {  // whoever has elements here is listed
        const bool inside = slot.offset < bucket.end && slot.offset + slot.size > bucket.begin;
        const auto listed = std::count_if(bucket.slots.begin(), bucket.slots.end(), [&](const auto& other_slot) {
          return other_slot.parameter == slot.parameter;
        });
        if (inside) {
          EXPECT_EQ(listed, 1);
        }
      }
      end = bucket.end;
    }
    EXPECT_EQ(end, arenas[0].values.size());
  }
}

TEST(GradientReducerTest, BucketsFollowTheOrderInWhichRank0sBackwardFinishes) {
  run_on_threads(3, [](Communicator& comm) {
    FiveWeights model;
    DistributedOptimizer optimizer(MomentumSgd({.lr = 1, .momentum = 0.5}), comm, one_gradient_a_bucket());
    optimizer.setup(model);
    EXPECT_THAT(names_in_order(optimizer), ElementsAre("e", "d", "c", "b", "a"));
    for (int step = 0; step < 3; ++step) {
      if (comm.rank() == 0) {
        backward_through({&model.d, &model.a, &model.c});  // b and e are not used
      } else {
        backward_through({&model.a, &model.b, &model.c, &model.d});
      }
      optimizer.update();
      EXPECT_THAT(names_in_order(optimizer), ElementsAre("c", "a", "d", "b", "e"));
    }
  });
}

TEST(GradientReducerTest, AParameterThatComesLateTakesItsPlaceInTheOrder) {
  struct SixWeights : FiveWeights {
    Parameter late{init::zeros()};
    SixWeights() { add("late", late); }
  };
  run_on_threads(2, [](Communicator& comm) {
    SixWeights model;
    DistributedOptimizer optimizer(Sgd({.lr = 1}), comm, one_gradient_a_bucket());
    optimizer.setup(model);
    model.late.initialize({15});
    for (int step = 0; step < 2; ++step) {
      backward_through({&model.b, &model.late, &model.a, &model.c});
      optimizer.update();
    }
    EXPECT_THAT(names_in_order(optimizer), ElementsAre("c", "a", "late", "b", "d", "e"));
  });
}

TEST(GradientReducerTest, WeightsAndStateSurviveTheNewOrder) {
  const auto train = [](Communicator& comm, bool recut) {
    FiveWeights model;
    DistributedOptimizer optimizer(MomentumSgd({.lr = 0.1, .momentum = 0.5}), comm, one_gradient_a_bucket());
    optimizer.setup(model);
    std::vector<double> values;
    for (int step = 0; step < 3; ++step) {
      // the same gradients, from another order of use
      const auto loss = [&](Parameter& weight, double factor) {
        return functions::sum(weight * (factor + comm.rank() + step));
      };
      const std::vector<Variable> terms = {loss(model.a, 1), loss(model.b, 2), loss(model.c, 3), loss(model.d, 4)};
      Variable sum = terms[0];
      for (int k : recut ? std::vector<int>{2, 1, 3} : std::vector<int>{1, 2, 3})
        sum = sum + terms[static_cast<std::size_t>(k)];
      sum.backward();
      optimizer.update();
    }
    for (const Parameter* parameter : model.parameters()) {
      for (const double value : to_vector<double>(parameter->array())) values.push_back(value);
    }
    return values;
  };
  run_on_threads(2, [&](Communicator& comm) { EXPECT_EQ(train(comm, true), train(comm, false)); });
}

TEST(GradientReducerTest, TheOrderIsPartOfASnapshot) {
  const rensa::testing::ScratchFolder folder;
  run_on_threads(2, [&](Communicator& comm) {
    FiveWeights model, other;
    DistributedOptimizer optimizer(Sgd({.lr = 1}), comm, one_gradient_a_bucket());
    optimizer.setup(model);
    backward_through({&model.d, &model.a, &model.c, &model.b});
    optimizer.update();
    NpzWriter writer;
    optimizer.serialize(writer);
    if (comm.rank() == 0) writer.save(folder / "optimizer");
    comm.barrier();
    DistributedOptimizer resumed(Sgd({.lr = 1}), comm, one_gradient_a_bucket());
    resumed.setup(other);
    NpzReader reader(folder / "optimizer");
    resumed.serialize(reader);
    EXPECT_EQ(names_in_order(resumed), names_in_order(optimizer));
    EXPECT_THAT(names_in_order(resumed), ElementsAre("b", "c", "a", "d", "e"));
  });
}

TEST(GradientReducerTest, EveryDtypeTravelsAndBytesAreCounted) {
  for (const char* travels : {"", "float16", "bfloat16", "float32", "float64"}) {
    run_on_threads(2, [&](Communicator& comm) {
      comm.config().set("allreduce_grad_dtype", travels);
      FiveWeights model;
      DistributedOptimizer optimizer(Sgd({.lr = 1}), comm);
      optimizer.setup(model);
      functions::sum(model.a * (1.0 + comm.rank())).backward();
      functions::sum(model.e * (3.0 + comm.rank())).backward();
      optimizer.update();
      EXPECT_THAT(to_vector<float>(model.a.array()), Each(-1.5f));
      EXPECT_THAT(to_vector<double>(model.e.array()), Each(-3.5));
      const std::size_t item = *travels ? item_size(dtype_from_name(travels)) : 0;
      EXPECT_EQ(optimizer.reducer().last_sent_bytes(), item ? 72 * item : 64u * 4 + 8 * 8);
    });
  }
}

TEST(OrderByNeedTest, LetsWhatIsReadFirstOvertakeWhatWaits) {
  // 0 is ready first and leaves; when it has arrived, 1 to 3 wait, of which 3 is read first
  EXPECT_THAT(order_by_need({0, 1, 2, 3}, {5, 5, 5, 5}, {3, 2, 1, 0}), ElementsAre(0u, 3u, 2u, 1u));
  // the way is free whenever one becomes ready
  EXPECT_THAT(order_by_need({0, 10, 20}, {1, 1, 1}, {2, 1, 0}), ElementsAre(0u, 1u, 2u));
  // one that was not read comes last
  EXPECT_THAT(order_by_need({0, 0, 0}, {1, 1, 1}, {2, 1}), ElementsAre(2u, 1u, 0u));
}

TEST(GradientReducerTest, ACarriedStepIsToldWhenItHasArrived) {
  run_on_threads(2, [](Communicator& comm) {
    FiveWeights model, other;
    ReducerOptions options = one_gradient_a_bucket();
    DistributedOptimizer plain(Sgd({.lr = 1}), comm, options);
    options.carry_over = true;
    DistributedOptimizer carried(Sgd({.lr = 1}), comm, options);
    plain.setup(model);
    carried.setup(other);
    for (int step = 0; step < 6; ++step) {
      backward_through({&model.a, &model.b, &model.c, &model.d});
      backward_through({&other.a, &other.b, &other.c, &other.d});
      plain.update();
      carried.update();
      EXPECT_EQ(carried.reducer().last_sent_bytes(), plain.reducer().last_sent_bytes());
      for (const BucketTimes& times : carried.reducer().last_times()) {
        EXPECT_NE(times.finished, BucketTimes::Clock::time_point());
      }
    }
    EXPECT_GT(carried.waited_in_reads(), 0);
    EXPECT_EQ(plain.waited_in_reads(), 0);
  });
}

struct Events : ReducerObserver {
  std::mutex mutex;
  std::vector<std::pair<std::string, std::size_t>> seen;
  void note(const char* what, std::size_t bucket) {
    const std::lock_guard lock(mutex);
    seen.emplace_back(what, bucket);
  }
  void bucket_ready(const GradientBucket& bucket, Clock::time_point) override { note("ready", bucket.number); }
  void bucket_leaves(const GradientBucket& bucket, Clock::time_point) override { note("leaves", bucket.number); }
  void bucket_arrived(const GradientBucket& bucket, const BucketTimes& times) override {
    EXPECT_LE(times.ready, times.started);
    EXPECT_LE(times.started, times.finished);
    note("arrived", bucket.number);
  }
  void waited(Clock::time_point from, Clock::time_point to) override {
    EXPECT_LE(from, to);
    note("waited", 0);
  }
};

TEST(GradientReducerTest, TellsAnObserverWhatHappensToEveryBucket) {
  run_on_threads(2, [](Communicator& comm) {
    FiveWeights model;
    DistributedOptimizer optimizer(Sgd({.lr = 1}), comm, one_gradient_a_bucket());
    optimizer.setup(model);
    Events events;
    optimizer.reducer().observe(&events);
    backward_through({&model.a, &model.b, &model.c, &model.d});
    optimizer.update();
    optimizer.reducer().observe(nullptr);
    for (const char* what : {"ready", "leaves", "arrived"}) {
      for (std::size_t bucket = 0; bucket < 5; ++bucket) {
        EXPECT_EQ(std::count(events.seen.begin(), events.seen.end(), std::pair<std::string, std::size_t>(what, bucket)),
                  1);
      }
    }
    EXPECT_EQ(events.seen.back().first, "waited");
  });
}

}  // namespace
}  // namespace rensa
