#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "comm/self/self_communicator.h"
#include "comm/shm/thread_group.h"
#include "core/error.h"
#include "core/serializers/npz.h"
#include "tests/support/scratch_folder.h"
#include "tests/trainer/counting_updater.h"
#include "trainer/extensions/observe_value.h"
#include "trainer/extensions/snapshot.h"
#include "trainer/trainer.h"
#include "trainer/triggers/best_value.h"
#include "trainer/triggers/early_stopping.h"
#include "trainer/triggers/moments.h"

namespace rensa {
namespace {

using testing::CountingUpdater;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

/// Remembers when it was called.
struct Remember final : Extension {
  explicit Remember(std::vector<std::int64_t>& seen) : iterations(seen) {}
  std::string name() const override { return "Remember"; }
  void operator()(Trainer& trainer) override { iterations.push_back(trainer.updater().iteration()); }
  std::vector<std::int64_t>& iterations;
};

/// A value that goes 5, 3, 4, 3, 2, 6, 1, 7 … over the iterations, and the same again.
double up_and_down(const Trainer& trainer) {
  const std::vector<double> values = {5, 3, 4, 3, 2, 6, 1, 7};
  return values[static_cast<std::size_t>(trainer.updater().iteration() - 1) % values.size()];
}

/// The iterations of a run at which a trigger fires. `snapshot_at`: where the run is saved and begun again.
std::vector<std::int64_t> firings(const std::function<Trigger()>& trigger, int iterations, int snapshot_at = 0) {
  const testing::ScratchFolder folder;
  std::vector<std::int64_t> seen;
  SelfCommunicator self;
  const auto run = [&](double end, bool resumed) {
    CountingUpdater updater;
    Trainer trainer(updater, {end, Unit::kIteration}, folder / "out", self);
    trainer.extend(std::make_unique<ObserveValue>("value", up_and_down));
    trainer.extend(std::make_unique<Remember>(seen), {.trigger = trigger()});
    trainer.extend(std::make_unique<Snapshot>(), {.trigger = Trigger{end, Unit::kIteration}});
    if (resumed) resume(trainer, newest_snapshot(folder / "out"));
    trainer.run();
  };
  if (snapshot_at > 0) run(snapshot_at, false);
  run(iterations, snapshot_at > 0);
  return seen;
}

TEST(TriggerRuleTest, BestValuesFireWhenTheMeanSinceTheLastQuestionIsBetterThanEver) {
  const auto smallest = [] { return Trigger{1, Unit::kIteration, min_value("value")}; };
  EXPECT_THAT(firings(smallest, 8), ElementsAre(1, 2, 5, 7));
  EXPECT_THAT(firings([] { return Trigger{1, Unit::kIteration, max_value("value")}; }, 8), ElementsAre(1, 6, 8));
  // pairs have the means 4, 3.5, 4, 4
  EXPECT_THAT(firings([] { return Trigger{2, Unit::kIteration, min_value("value")}; }, 8), ElementsAre(2, 4));
  EXPECT_THAT(firings([] { return Trigger{1, Unit::kIteration, max_value("absent")}; }, 8), IsEmpty());
}

TEST(TriggerRuleTest, AResumedRunRemembersTheBestValue) {
  for (const int at : {1, 3, 5}) {
    EXPECT_THAT(firings([] { return Trigger{1, Unit::kIteration, min_value("value")}; }, 8, at),
                ElementsAre(1, 2, 5, 7))
        << at;
    EXPECT_THAT(firings([] { return Trigger{2, Unit::kIteration, min_value("value")}; }, 8, at), ElementsAre(2, 4))
        << at;
  }
}

TEST(TriggerRuleTest, MomentsOfTheirOwn) {
  EXPECT_THAT(firings([] { return manual_schedule({3, 7}, Unit::kIteration); }, 9), ElementsAre(3, 7));
  EXPECT_THAT(firings([] { return manual_schedule({0.25, 0.27, 0.6}, Unit::kEpoch); }, 9), ElementsAre(3, 6));
  EXPECT_THAT(firings([] { return once(); }, 9), ElementsAre(1));
  EXPECT_THAT(firings([] { return once(); }, 9, 4), ElementsAre(1));
  EXPECT_THAT(firings([] { return once(/*call_on_resume=*/true); }, 9, 4), ElementsAre(1, 5));
  EXPECT_THAT(firings([] { return every_seconds(3600); }, 9), IsEmpty());
  EXPECT_THAT(firings([] { return every_seconds(1e-9, 4); }, 9), ElementsAre(4, 8));
  EXPECT_THAT([] { manual_schedule({}, Unit::kEpoch); }, ThrowsMessage<ValueError>(HasSubstr("one or more points")));
  EXPECT_THAT([] { every_seconds(0); }, ThrowsMessage<ValueError>(HasSubstr("above 0")));
}

/// Where runs end whose stop trigger is `stop`: the first, and one that goes on from its snapshot.
std::vector<std::int64_t> ends_of_runs(Communicator& comm, const std::string& out,
                                       const std::function<Trigger()>& stop) {
  std::vector<std::int64_t> ends;
  for (const bool resumed : {false, true}) {
    CountingUpdater updater;
    Trainer trainer(updater, stop(), out, comm);
    trainer.extend(std::make_unique<ObserveValue>("value", up_and_down));
    trainer.extend(std::make_unique<Snapshot>());
    if (resumed) resume(trainer, newest_snapshot(out));
    trainer.run();
    EXPECT_EQ(trainer.progress(), 0);
    comm.barrier();
    ends.push_back(updater.iteration());
  }
  return ends;
}

TEST(TrainerTest, TheRuleOfTheStopTriggerEndsTheRun) {
  const testing::ScratchFolder folder;
  run_on_threads(2, [&](Communicator& comm) {
    const auto patient = [] {
      return Trigger{1, Unit::kIteration, early_stopping({.monitor = "value", .patience = 2})};
    };
    EXPECT_THAT(ends_of_runs(comm, folder / "early", patient), ElementsAre(4, 4));  // 5, 3, 4, 3
    const auto pairs = [] { return Trigger{2, Unit::kIteration, early_stopping({.monitor = "value", .patience = 2})}; };
    EXPECT_THAT(ends_of_runs(comm, folder / "pairs", pairs), ElementsAre(8, 8));  // means of pairs: 4, 3.5, 4, 4
    const auto points = [] { return manual_schedule({0.6, 2}, Unit::kEpoch); };
    EXPECT_THAT(ends_of_runs(comm, folder / "points", points), ElementsAre(6, 6));
    const auto seconds = [] { return every_seconds(1e-9, 4); };
    EXPECT_THAT(ends_of_runs(comm, folder / "seconds", seconds), ElementsAre(4, 8));  // as long again
  });
}

std::int64_t end_of_run_with(Communicator& comm, const EarlyStoppingOptions& options, double bonus = 0) {
  const testing::ScratchFolder folder;
  CountingUpdater updater;
  Trainer trainer(updater, {50, Unit::kIteration}, folder / "out", comm);
  trainer.extend(std::make_unique<ObserveValue>("value", [bonus](Trainer& t) { return up_and_down(t) + bonus; }));
  trainer.extend(std::make_unique<ObserveValue>("accuracy", up_and_down));
  trainer.stop_when({1, Unit::kIteration, early_stopping(options)});
  trainer.run();
  return updater.iteration();
}

TEST(EarlyStoppingTest, StopsAfterSoManyChecksWithoutABetterValue) {
  SelfCommunicator self;
  std::string said;
  const auto report = [&](const std::string& line) { said = line; };
  EXPECT_EQ(end_of_run_with(self, {.monitor = "value", .patience = 2, .report = report}), 4);  // 5, 3, 4, 3
  EXPECT_THAT(said, HasSubstr("value has not been better than 3 for 2 checks"));
  EXPECT_EQ(end_of_run_with(self, {.monitor = "valeu", .patience = 2, .report = report}), 50);
  EXPECT_THAT(said, HasSubstr("nothing was observed as \"valeu\" so far"));
  EXPECT_THAT(said, HasSubstr("This step observed: accuracy, main/loss, value"));
  EXPECT_EQ(end_of_run_with(self, {.monitor = "value", .patience = 3}), 10);    // 1 at iteration 7 is the least
  EXPECT_EQ(end_of_run_with(self, {.monitor = "accuracy", .patience = 4}), 5);  // auto: larger is better; 5 comes first
  EXPECT_EQ(end_of_run_with(self, {.monitor = "value", .patience = 100}), 50);
  EXPECT_THAT([] { early_stopping({.mode = "up"}); }, ThrowsMessage<ValueError>(HasSubstr("auto, max or min")));
  EXPECT_THAT([] { early_stopping({.patience = 0}); }, ThrowsMessage<ValueError>(HasSubstr("1 or more")));
}

TEST(EarlyStoppingTest, AResumedRunStopsWhereTheUninterruptedOneDoes) {
  SelfCommunicator self;
  for (const int at : {1, 2, 3}) {
    const testing::ScratchFolder folder;
    const auto end = [&](double iterations, bool resumed) {
      CountingUpdater updater;
      Trainer trainer(updater, {iterations, Unit::kIteration}, folder / "out", self);
      trainer.extend(std::make_unique<ObserveValue>("value", up_and_down));
      trainer.extend(std::make_unique<Snapshot>(), {.trigger = Trigger{iterations, Unit::kIteration}});
      trainer.stop_when({1, Unit::kIteration, early_stopping({.monitor = "value", .patience = 2})});
      if (resumed) resume(trainer, newest_snapshot(folder / "out"));
      trainer.run();
      return updater.iteration();
    };
    EXPECT_EQ(end(at, false), at);
    EXPECT_EQ(end(50, true), 4) << at;
  }
}

TEST(EarlyStoppingTest, AStoppedRunMakesNoFurtherStepUnlessItMayWaitLonger) {
  SelfCommunicator self;
  const testing::ScratchFolder folder;
  const auto end = [&](int patience, bool resumed) {
    CountingUpdater updater;
    Trainer trainer(updater, {50, Unit::kIteration}, folder / "out", self);
    trainer.extend(std::make_unique<ObserveValue>("value", up_and_down));
    trainer.extend(std::make_unique<Snapshot>(), {.trigger = Trigger{1, Unit::kIteration}});
    trainer.stop_when({1, Unit::kIteration, early_stopping({.monitor = "value", .patience = patience})});
    if (resumed) resume(trainer, newest_snapshot(folder / "out"));
    trainer.run();
    return updater.iteration();
  };
  EXPECT_EQ(end(2, false), 4);
  EXPECT_EQ(end(2, true), 4);
  EXPECT_EQ(end(3, true), 10);
}

TEST(EarlyStoppingTest, NotANumberIsNeverTheBest) {
  SelfCommunicator self;
  const testing::ScratchFolder folder;
  const auto end = [&](std::int64_t last_bad, std::string& said) {
    CountingUpdater updater;
    Trainer trainer(updater, {20, Unit::kIteration}, folder / "out", self);
    trainer.extend(std::make_unique<ObserveValue>("value", [=](Trainer& t) {
      const std::int64_t iteration = t.updater().iteration();
      return iteration <= last_bad ? std::nan("") : 1 / static_cast<double>(iteration);
    }));
    trainer.stop_when(
        {1, Unit::kIteration,
         early_stopping({.monitor = "value", .patience = 3, .report = [&](const std::string& line) { said = line; }})});
    trainer.run();
    return updater.iteration();
  };
  std::string said;
  EXPECT_EQ(end(1, said), 20);
  EXPECT_EQ(end(20, said), 3);
  EXPECT_THAT(said, HasSubstr("has not been a number for 3 checks"));
}

TEST(EarlyStoppingTest, ASnapshotBetweenTwoChecksChangesNothingOnSeveralRanks) {
  // Rank r sees 0.1 + r / 3 in each step: sums whose last bits depend on the order in which they are added up.
  run_on_threads(3, [](Communicator& comm) {
    for (const int at : {4, 5, 7}) {
      testing::ScratchFolder folder;
      const auto end = [&](const std::string& out, double iterations, const std::string& from) {
        CountingUpdater updater;
        Trainer trainer(updater, {iterations, Unit::kIteration}, out, comm);
        trainer.extend(std::make_unique<ObserveValue>("value", [&](Trainer&) { return 0.1 + comm.rank() / 3.0; }));
        trainer.extend(std::make_unique<Snapshot>(), {.trigger = Trigger{static_cast<double>(at), Unit::kIteration}});
        trainer.stop_when({3, Unit::kIteration, early_stopping({.monitor = "value", .patience = 3})});
        if (!from.empty()) resume(trainer, from);
        trainer.run();
        return updater.iteration();
      };
      const std::string out = comm.broadcast_bytes((folder / "out"), 0);
      const std::int64_t whole = end(out + "/whole", 40, "");
      end(out + "/half", at, "");
      comm.barrier();
      EXPECT_EQ(end(out + "/rest", 40, newest_snapshot(out + "/half")), whole) << at;
      comm.barrier();
    }
  });
}

TEST(TriggerRuleTest, ASnapshotHoldsWhatTheRuleOfALaterOneLearntInTheSameStep) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  std::vector<std::int64_t> best;
  const auto run = [&](double iterations, bool resumed) {
    CountingUpdater updater;
    Trainer trainer(updater, {iterations, Unit::kIteration}, folder / "out", self);
    trainer.extend(std::make_unique<ObserveValue>("value", up_and_down));
    trainer.extend(std::make_unique<Snapshot>(), {.trigger = Trigger{2, Unit::kIteration}});
    trainer.extend(std::make_unique<Remember>(best),
                   {.trigger = Trigger{1, Unit::kIteration, min_value("value")}, .priority = Extension::kLast});
    if (resumed) resume(trainer, newest_snapshot(folder / "out"));
    trainer.run();
  };
  run(2, false);
  run(4, true);
  EXPECT_THAT(best, ElementsAre(1, 2));  // 5, 3; then 4 and 3 are not better
}

TEST(EarlyStoppingTest, AllRanksStopAfterTheSameStepByTheMeanOverThem) {
  run_on_threads(3, [](Communicator& comm) {
    EXPECT_EQ(end_of_run_with(comm, {.monitor = "value", .patience = 2}, /*bonus=*/comm.rank()), 4);
  });
}

}  // namespace
}  // namespace rensa
