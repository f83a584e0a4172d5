#include "trainer/extensions/observation_aggregator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "comm/shm/thread_group.h"
#include "tests/support/scratch_folder.h"
#include "tests/trainer/counting_updater.h"
#include "trainer/extensions/log_report.h"
#include "trainer/extensions/observe_value.h"
#include "trainer/extensions/snapshot.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

using testing::CountingUpdater;
using ::testing::DoubleEq;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::SizeIs;

/// Remembers what a rank sees under a name, after each step in which it sees it.
struct Look final : Extension {
  Look(std::string key, std::vector<double>& values) : key_(std::move(key)), values_(values) {}
  std::string name() const override { return "Look"; }
  void operator()(Trainer& trainer) override {
    const auto found = trainer.observation().find(key_);
    if (found != trainer.observation().end()) values_.push_back(found->second.value());
  }
  const std::string key_;
  std::vector<double>& values_;
};

TEST(ObservationAggregatorTest, AllRanksSeeTheMeanOverAllOfThem) {
  const testing::ScratchFolder folder;
  run_on_threads(2, [&](Communicator& comm) {
    for (const int interval : {1, 2}) {
      CountingUpdater updater;
      Trainer trainer(updater, {4, Unit::kIteration}, folder / "out", comm);
      trainer.extend(std::make_unique<ObserveValue>("loss", [&](Trainer&) { return 20.0 * comm.rank(); }));
      trainer.extend(std::make_unique<ObservationAggregator>(
          "loss", ObservationAggregatorOptions{.aggregated_key = "loss_aggregated",
                                               .trigger = {static_cast<double>(interval), Unit::kIteration}}));
      std::vector<double> seen;
      trainer.extend(std::make_unique<Look>("loss_aggregated", seen));
      trainer.run();
      EXPECT_THAT(seen, SizeIs(4 / interval));
      EXPECT_THAT(seen, Each(DoubleEq(10)));
    }
  });
}

TEST(ObservationAggregatorTest, AFunctionOfOnesOwnGetsTheValuesOfAllStepsAndRanks) {
  const testing::ScratchFolder folder;
  run_on_threads(2, [&](Communicator& comm) {
    CountingUpdater updater;
    Trainer trainer(updater, {4, Unit::kIteration}, folder / "out", comm);
    trainer.extend(std::make_unique<ObserveValue>(
        "value", [&](Trainer& t) { return static_cast<double>(10 * comm.rank() + t.updater().iteration()); }));
    const auto largest = [](const std::vector<Observed>& values) {
      EXPECT_THAT(values, SizeIs(4));
      double most = 0;
      for (const Observed& each : values) most = std::max(most, each.value());
      return most;
    };
    trainer.extend(std::make_unique<ObservationAggregator>(
        "value", ObservationAggregatorOptions{.trigger = {2, Unit::kIteration}, .aggregation = largest}));
    std::vector<double> seen;
    trainer.extend(std::make_unique<Look>("value", seen), {.trigger = Trigger{2, Unit::kIteration}});
    trainer.run();
    EXPECT_THAT(seen, ElementsAre(12, 14));
  });
}

TEST(ObservationAggregatorTest, WeighsByTheSamplesAndLeavesTheLogsMeanAsItIs) {
  struct Uneven final : Extension {  // 1 sample of value 0 on rank 0, 3 of value 20 on rank 1
    std::string name() const override { return "Uneven"; }
    int default_priority() const override { return kWriter; }
    void operator()(Trainer& trainer) override {
      const int rank = trainer.comm().rank();
      trainer.observation()["loss"] = {20.0 * rank, 1.0 + 2 * rank};
    }
  };
  const testing::ScratchFolder folder;
  run_on_threads(2, [&](Communicator& comm) {
    CountingUpdater updater;
    Trainer trainer(updater, {2, Unit::kIteration}, folder / "out", comm);
    trainer.extend(std::make_unique<Uneven>());
    trainer.extend(std::make_unique<ObservationAggregator>("loss"));
    std::vector<double> seen;
    trainer.extend(std::make_unique<Look>("loss", seen));
    auto& log = dynamic_cast<LogReport&>(trainer.extend(std::make_unique<LogReport>(Trigger{2, Unit::kIteration})));
    trainer.run();
    EXPECT_THAT(seen, ElementsAre(DoubleEq(15), DoubleEq(15)));
    if (comm.rank() > 0) return;  // rank 0 keeps the log
    EXPECT_DOUBLE_EQ(log.log().at(0).at("loss"), 15);
  });
}

TEST(ObservationAggregatorTest, WhatWasSeenBeforeASnapshotCountsAfterIt) {
  const testing::ScratchFolder folder;
  run_on_threads(2, [&](Communicator& comm) {
    std::vector<double> seen;
    const auto run = [&](double iterations, bool resumed) {
      CountingUpdater updater;
      Trainer trainer(updater, {iterations, Unit::kIteration}, folder / "out", comm);
      trainer.extend(std::make_unique<ObserveValue>(
          "value", [&](Trainer& t) { return static_cast<double>(10 * comm.rank() + t.updater().iteration()); }));
      trainer.extend(std::make_unique<ObservationAggregator>(
          "value", ObservationAggregatorOptions{.aggregated_key = "all", .trigger = {4, Unit::kIteration}}));
      trainer.extend(std::make_unique<Look>("all", seen));
      trainer.extend(std::make_unique<Snapshot>());
      if (resumed) resume(trainer, newest_snapshot(folder / "out"));
      trainer.run();
      comm.barrier();
    };
    run(3, /*resumed=*/false);
    run(4, /*resumed=*/true);
    EXPECT_THAT(seen, ElementsAre(DoubleEq(7.5)));  // 1 to 4 and 11 to 14
  });
}

}  // namespace
}  // namespace rensa
