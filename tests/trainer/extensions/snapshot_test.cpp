#include "trainer/extensions/snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "comm/self/self_communicator.h"
#include "comm/shm/thread_group.h"
#include "core/error.h"
#include "core/links/linear.h"
#include "core/serializers/npz.h"
#include "core/serializers/weights.h"
#include "tests/support/scratch_folder.h"
#include "tests/trainer/counting_updater.h"
#include "trainer/extensions/observe_value.h"
#include "trainer/trainer.h"
#include "trainer/triggers/best_value.h"
#include "trainer/triggers/early_stopping.h"

namespace rensa {
namespace {

namespace fs = std::filesystem;
using testing::CountingUpdater;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::ThrowsMessage;
using ::testing::UnorderedElementsAre;

void run(const std::string& out, Communicator& comm, const SnapshotOptions& options, double iterations = 6) {
  CountingUpdater updater;
  Trainer trainer(updater, {iterations, Unit::kIteration}, out, comm);
  trainer.extend(std::make_unique<Snapshot>(options));
  trainer.run();
}

std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

TEST(SnapshotTest, AThreadWritesTheSameFiles) {
  const testing::ScratchFolder folder;
  run_on_threads(2, [&](Communicator& comm) {
    run(folder / "out", comm, {.trigger = {1, Unit::kIteration}, .keep = 3, .in_background = true});
    comm.barrier();
    EXPECT_THAT(files_in(folder / "out"), ElementsAre("snapshot_iter_4", "snapshot_iter_5", "snapshot_iter_6"));
    EXPECT_EQ(newest_whole_snapshot(folder / "out"), folder / "out/snapshot_iter_6");
  });
}

TEST(SnapshotTest, AThreadKeepsAsManyFilesBetweenTwoSnapshotsToo) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  CountingUpdater updater;
  Trainer trainer(updater, {6, Unit::kIteration}, folder / "out", self);
  trainer.extend(
      std::make_unique<Snapshot>(SnapshotOptions{.trigger = {4, Unit::kIteration}, .keep = 1, .in_background = true}));
  fs::create_directories(folder / "out");
  std::ofstream(folder / "out/snapshot_iter_2") << "an earlier run's";
  trainer.extend(std::make_unique<ObserveValue>("value", [&](Trainer& t) {
    if (t.updater().iteration() != 5) return 0.0;
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (fs::exists(folder / "out/snapshot_iter_2") && std::chrono::steady_clock::now() < give_up) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_THAT(files_in(folder / "out"), ElementsAre("snapshot_iter_4"));
    return 0.0;
  }));
  trainer.run();
}

TEST(SnapshotTest, MoreRanksMakeNoMoreCalls) {
  const testing::ScratchFolder folder;
  std::vector<std::uint64_t> calls;
  for (const int ranks : {2, 4}) {
    run_on_threads(ranks, [&](Communicator& comm) {
      run(folder / std::to_string(ranks), comm, {.trigger = {2, Unit::kIteration}});
      if (comm.rank() == 0) calls.push_back(comm.calls().state().number);
    });
  }
  EXPECT_EQ(calls.at(0), calls.at(1));
}

TEST(SnapshotTest, AThreadsFailureIsToldToAllRanks) {
  const testing::ScratchFolder folder;
  fs::create_directories(folder / "out/snapshot_iter_2/in the way");
  run_on_threads(2, [&](Communicator& comm) {
    EXPECT_THAT([&] { run(folder / "out", comm, {.trigger = {2, Unit::kIteration}, .in_background = true}, 2); },
                ThrowsMessage<FileError>(HasSubstr("snapshot_iter_2")));
  });
}

TEST(SnapshotTest, TheNewestWholeOneIsFoundAndEveryDamagedOneNamed) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  run(folder / "out", self, {.trigger = {2, Unit::kIteration}, .keep = 0});
  fs::resize_file(folder / "out/snapshot_iter_6", fs::file_size(folder / "out/snapshot_iter_6") / 2);
  {
    std::fstream file(folder / "out/snapshot_iter_4", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(60);
    file.put('!');
  }
  std::vector<std::string> damages;
  const auto report = [&](const std::string& damage) { damages.push_back(damage); };
  EXPECT_EQ(newest_whole_snapshot(folder / "out", report), folder / "out/snapshot_iter_2");
  EXPECT_THAT(damages, UnorderedElementsAre(HasSubstr("snapshot_iter_6"), HasSubstr("snapshot_iter_4")));
  EXPECT_THAT(newest_whole_snapshot(folder / "elsewhere", report), IsEmpty());
  EXPECT_THAT(damages, SizeIs(2));
}

TEST(SnapshotTest, AnEarlierRunsSnapshotsGiveWayToNewOnes) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  run(folder / "out", self, {.trigger = {50, Unit::kIteration}}, 100);
  run(folder / "out", self, {.trigger = {20, Unit::kIteration}}, 20);
  EXPECT_THAT(files_in(folder / "out"), ElementsAre("snapshot_iter_100", "snapshot_iter_20"));
  EXPECT_EQ(newest_whole_snapshot(folder / "out"), folder / "out/snapshot_iter_20");
  run(folder / "out", self, {.trigger = {10, Unit::kIteration}}, 10);
  EXPECT_THAT(files_in(folder / "out"), ElementsAre("snapshot_iter_10", "snapshot_iter_20"));
  // nor does a clock that was set back cost what is written
  fs::last_write_time(folder / "out/snapshot_iter_20", fs::file_time_type::clock::now() + std::chrono::hours(1));
  run(folder / "out", self, {.trigger = {2, Unit::kIteration}}, 4);
  EXPECT_THAT(files_in(folder / "out"), ElementsAre("snapshot_iter_2", "snapshot_iter_4"));
  EXPECT_EQ(newest_snapshot(folder / "out"), folder / "out/snapshot_iter_4");
}

TEST(SnapshotTest, EachPrefixHasItsOwnFiles) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  CountingUpdater updater;
  Trainer trainer(updater, {6, Unit::kIteration}, folder / "out", self);
  trainer.extend(std::make_unique<Snapshot>(SnapshotOptions{.trigger = {1, Unit::kIteration}}));
  trainer.extend(std::make_unique<Snapshot>(SnapshotOptions{.keep = 1, .prefix = "best_iter_"}),
                 {.trigger = Trigger{1, Unit::kIteration, min_value("main/loss")}, .name = "best"});
  trainer.run();
  EXPECT_THAT(files_in(folder / "out"), ElementsAre("best_iter_1", "snapshot_iter_5", "snapshot_iter_6"));
  EXPECT_EQ(newest_snapshot(folder / "out"), folder / "out/snapshot_iter_6");
  EXPECT_THAT([] { Snapshot({.keep = -1}); }, ThrowsMessage<ValueError>(HasSubstr("keep is -1")));
  EXPECT_THAT([] { Snapshot({.prefix = "a/b"}); }, ThrowsMessage<ValueError>(HasSubstr("\"a/b\"")));
}

TEST(SnapshotTest, TheLastStepOfARunIsSavedUnlessItWas) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  run(folder / "between", self, {.trigger = {4, Unit::kIteration}});
  EXPECT_THAT(files_in(folder / "between"), ElementsAre("snapshot_iter_4", "snapshot_iter_6"));
  run(folder / "before", self, {.trigger = {1, Unit::kEpoch}});
  EXPECT_THAT(files_in(folder / "before"), ElementsAre("snapshot_iter_6"));
  run(folder / "background", self, {.trigger = {4, Unit::kIteration}, .keep = 1, .in_background = true});
  EXPECT_THAT(files_in(folder / "background"), ElementsAre("snapshot_iter_6"));
}

TEST(SnapshotTest, ARunThatIsStoppedBeforeItsEndIsSavedOnAllRanks) {
  const testing::ScratchFolder folder;
  run_on_threads(2, [&](Communicator& comm) {
    const auto end = [&](bool resumed) {
      CountingUpdater updater;
      Trainer trainer(updater, {50, Unit::kIteration}, folder / "out", comm);
      trainer.extend(std::make_unique<Snapshot>(SnapshotOptions{.trigger = {5, Unit::kEpoch}}));
      trainer.stop_when({1, Unit::kIteration, early_stopping({.monitor = "main/loss", .patience = 2})});
      if (resumed) resume(trainer, newest_snapshot(folder / "out"));
      trainer.run();
      comm.barrier();
      return updater.iteration();
    };
    EXPECT_EQ(end(/*resumed=*/false), 3);  // 1, and two steps that are no better
    EXPECT_EQ(newest_snapshot(folder / "out"), folder / "out/snapshot_iter_3");
    EXPECT_EQ(end(/*resumed=*/true), 3);
  });
}

TEST(SnapshotTest, TheNewestWholeOneOfAnotherPrefixIsFound) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  run(folder / "out", self, {.trigger = {3, Unit::kIteration}, .prefix = "best_iter_"});
  fs::resize_file(folder / "out/best_iter_6", 100);
  std::ofstream(folder / "out/log") << "[]";
  EXPECT_THAT(newest_whole_snapshot(folder / "out"), IsEmpty());
  EXPECT_EQ(newest_snapshot(folder / "out", "best_iter_"), folder / "out/best_iter_6");
  EXPECT_EQ(newest_whole_snapshot(folder / "out", nullptr, "best_iter_"), folder / "out/best_iter_3");
  EXPECT_THAT(files_named_as_snapshots(folder / "out"), ElementsAre("best_iter_3", "best_iter_6"));
}

TEST(SnapshotTest, ATargetIsSavedAloneAndLoadsAsWeights) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  Linear link({.in = 2, .out = 1}), other({.in = 2, .out = 1});
  run(folder / "out", self, {.trigger = {6, Unit::kIteration}, .prefix = "model_iter_", .target = &link});
  EXPECT_THAT(NpzReader(folder / "out/model_iter_6").keys(), ElementsAre("W", "b"));
  load_weights(other, folder / "out/model_iter_6");
  EXPECT_EQ(to_vector<float>(other.W.array()), to_vector<float>(link.W.array()));
  EXPECT_THAT([&] { Snapshot({.target = &link}); }, ThrowsMessage<ValueError>(HasSubstr("prefix of their own")));
}

/// Its snapshots hold the model, whose only weight differs among the replica sets.
struct ModelUpdater : CountingUpdater {
  explicit ModelUpdater(float weight) { model().parameters()[0]->array().fill(weight); }
  float weight() { return model().parameters()[0]->array().item<float>(); }
  void serialize(Serializer& serializer) override {
    CountingUpdater::serialize(serializer);
    model().serialize(serializer.child("model:main"));
  }
};

TEST(SnapshotTest, EachReplicaSetHasItsOwnFileAndGoesOnFromIt) {
  const testing::ScratchFolder folder;
  run_on_threads(3, [&](Communicator& comm) {
    const ReplicaSets sets = {{0}};  // and ranks 1 and 2
    const float mine = comm.rank() == 0 ? 10 : 20;
    const auto train = [&](float weight, double iterations) {
      ModelUpdater updater(weight);
      Trainer trainer(updater, {iterations, Unit::kIteration}, folder / "out", comm);
      trainer.extend(
          std::make_unique<Snapshot>(SnapshotOptions{.trigger = {2, Unit::kIteration}, .replica_sets = sets}));
      const std::string path = newest_whole_snapshot(folder / "out", comm, sets);
      if (!path.empty()) resume(trainer, path);
      trainer.run();
      comm.barrier();
      return std::pair(updater.weight(), path);
    };
    EXPECT_EQ(train(mine, 6), std::pair(mine, std::string()));
    if (comm.rank() == 0) {
      EXPECT_THAT(files_in(folder / "out"),
                  ElementsAre("snapshot_iter_4.0", "snapshot_iter_4.1", "snapshot_iter_6.0", "snapshot_iter_6.1"));
    }
    const std::string suffix = comm.rank() == 0 ? ".0" : ".1";
    EXPECT_EQ(train(0, 6), std::pair(mine, folder / "out/snapshot_iter_6" + suffix));
    if (comm.rank() == 0) fs::resize_file(folder / "out/snapshot_iter_6.1", 100);
    comm.barrier();
    EXPECT_EQ(train(0, 4), std::pair(mine, folder / "out/snapshot_iter_4" + suffix));
  });
}

TEST(SnapshotTest, AReplicaSetThatCannotBeWrittenIsToldToAllRanksAndTheOlderFilesStay) {
  const testing::ScratchFolder folder;
  run_on_threads(3, [&](Communicator& comm) {
    CountingUpdater updater;
    Trainer trainer(updater, {6, Unit::kIteration}, folder / "out", comm);
    trainer.extend(std::make_unique<ObserveValue>("value", [&](Trainer& t) {
      const bool is_time = comm.rank() == 1 && t.updater().iteration() == 3;
      return is_time && fs::create_directories(folder / "out/snapshot_iter_4.1/in the way") ? 1.0 : 0.0;
    }));
    trainer.extend(std::make_unique<Snapshot>(
        SnapshotOptions{.trigger = {2, Unit::kIteration}, .keep = 1, .replica_sets = {{0}}}));
    EXPECT_THAT([&] { trainer.run(); }, ThrowsMessage<FileError>(HasSubstr("snapshot_iter_4.1")));
  });
  EXPECT_TRUE(fs::exists(folder / "out/snapshot_iter_2.0"));
  EXPECT_TRUE(fs::exists(folder / "out/snapshot_iter_2.1"));
}

TEST(SnapshotTest, ReplicaSetsThatTheRanksCannotHaveEndTheRunBeforeItsFirstStep) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  CountingUpdater updater;
  Trainer trainer(updater, {6, Unit::kIteration}, folder / "out", self);
  trainer.extend(std::make_unique<Snapshot>(SnapshotOptions{.replica_sets = {{1}}}));
  EXPECT_THAT([&] { trainer.run(); }, ThrowsMessage<ValueError>(HasSubstr("rank 1, expected 0 to 0")));
  EXPECT_EQ(updater.iteration(), 0);
}

TEST(ReplicaSetsTest, RanksThatNoSetNamesAreOneMore) {
  const auto sets_of = [](int size, const ReplicaSets& sets) {
    std::vector<std::pair<int, int>> found;
    for (int rank = 0; rank < size; ++rank) {
      const ReplicaSet set = replica_set_of(rank, size, sets);
      found.emplace_back(set.index, set.lowest);
    }
    return found;
  };
  using Found = std::vector<std::pair<int, int>>;
  EXPECT_EQ(sets_of(3, {}), (Found{{0, 0}, {0, 0}, {0, 0}}));
  EXPECT_EQ(sets_of(3, {{0}}), (Found{{0, 0}, {1, 1}, {1, 1}}));
  EXPECT_EQ(sets_of(4, {{3, 1}, {0, 2}}), (Found{{1, 0}, {0, 1}, {1, 0}, {0, 1}}));
  EXPECT_THAT([] { replica_set_of(0, 2, {{2}}); }, ThrowsMessage<ValueError>(HasSubstr("rank 2, expected 0 to 1")));
  EXPECT_THAT([] { replica_set_of(0, 2, {{0, 1}, {1}}); },
              ThrowsMessage<ValueError>(HasSubstr("in set 0 and in set 1")));
  EXPECT_THAT([] { replica_set_of(0, 2, {{0}, {}}); }, ThrowsMessage<ValueError>(HasSubstr("set 1 has no rank")));
}

TEST(SnapshotTest, EveryRandomDamageIsFound) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  run(folder / "whole", self, {.trigger = {2, Unit::kIteration}, .keep = 0});
  std::mt19937 random(1);
  for (int round = 0; round < 1000; ++round) {
    fs::remove_all(folder / "out");
    fs::copy(folder / "whole", folder / "out");
    for (const std::string name : {"/snapshot_iter_2", "/snapshot_iter_4", "/snapshot_iter_6"}) {
      fs::last_write_time(folder / ("out" + name), fs::last_write_time(folder / ("whole" + name)));
    }
    std::vector<int> whole = {2, 4, 6};
    std::size_t damaged = 0;
    for (int i = 1 + static_cast<int>(random() % 2); i > 0; --i) {
      const auto at = whole.begin() + static_cast<std::ptrdiff_t>(random() % whole.size());
      const std::string file = folder / ("out/snapshot_iter_" + std::to_string(*at));
      const auto size = fs::file_size(file);
      switch (random() % 3) {
        case 0: {
          std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
          const auto place = static_cast<std::streamoff>(random() % size);
          stream.seekg(place);
          const int byte = stream.get();
          stream.seekp(place);
          stream.put(static_cast<char>(byte ^ (1 << random() % 8)));
          ++damaged;
          break;
        }
        case 1:
          fs::resize_file(file, random() % size), ++damaged;
          break;
        default:
          fs::remove(file);
      }
      whole.erase(at);
    }
    std::vector<std::string> damages;
    const std::string found =
        newest_whole_snapshot(folder / "out", [&](const std::string& d) { damages.push_back(d); });
    ASSERT_EQ(found, folder / ("out/snapshot_iter_" + std::to_string(whole.back()))) << "round " << round;
    ASSERT_LE(damages.size(), damaged) << "round " << round;  // those that are older than it are not looked at
  }
}

TEST(SnapshotTest, WhatAKilledRunHadBegunToWriteIsRemoved) {
  const testing::ScratchFolder folder;
  fs::create_directories(folder / "out");
  for (const char* name :
       {"snapshot_iter_2.writing-123-0", "snapshot_iter_2.writing-123-0.aBcDeF", "log.writing-123-1"}) {
    std::ofstream(folder / (std::string("out/") + name)) << "half";
  }
  SelfCommunicator self;
  run(folder / "out", self, {.trigger = {6, Unit::kIteration}});
  EXPECT_THAT(files_in(folder / "out"), ElementsAre("snapshot_iter_6"));
}

TEST(SnapshotTest, OnErrorLeavesASnapshotOfTheLastStep) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  CountingUpdater updater;
  Trainer trainer(updater, {9, Unit::kIteration}, folder / "out", self);
  trainer.extend(std::make_unique<Snapshot>(SnapshotOptions{.on_error = true}));
  trainer.extend(std::make_unique<ObserveValue>("value", [](Trainer& t) -> double {
    if (t.updater().iteration() == 5) throw ValueError("planted");
    return 0;
  }));
  EXPECT_THAT([&] { trainer.run(); }, ThrowsMessage<ValueError>(HasSubstr("planted")));
  EXPECT_EQ(newest_whole_snapshot(folder / "out"), folder / "out/snapshot_iter_5");
  run_on_threads(2, [&](Communicator& comm) {
    EXPECT_THAT([&] { run(folder / "several", comm, {.on_error = true}); },
                ThrowsMessage<ValueError>(HasSubstr("one rank")));
  });
}

TEST(SnapshotTest, WhatWasSavedBeforeAnErrorStays) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  struct FailsInStep3 final : CountingUpdater {
    std::string saved;
    void update(Observation& observation) override {
      if (iteration() == 2) {
        std::ofstream(saved) << "kept";
        throw ValueError("planted");
      }
      CountingUpdater::update(observation);
    }
  } updater;
  updater.saved = folder / "out/snapshot_iter_2";
  Trainer trainer(updater, {9, Unit::kIteration}, folder / "out", self);
  trainer.extend(
      std::make_unique<Snapshot>(SnapshotOptions{.trigger = {1, Unit::kIteration}, .keep = 2, .on_error = true}));
  EXPECT_THAT([&] { trainer.run(); }, ThrowsMessage<ValueError>(HasSubstr("planted")));
  std::string text;
  std::ifstream(updater.saved) >> text;
  EXPECT_EQ(text, "kept");
  EXPECT_TRUE(std::filesystem::exists(folder / "out/snapshot_iter_1"));
}

TEST(TrainerTest, CallsAnExtensionBeforeTheFirstStepIfAsked) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  CountingUpdater updater;
  Trainer trainer(updater, {2, Unit::kIteration}, folder / "out", self);
  std::vector<std::int64_t> seen;
  trainer.extend(std::make_unique<ObserveValue>("value",
                                                [&](Trainer& t) {
                                                  seen.push_back(t.updater().iteration());
                                                  return 0.0;
                                                }),
                 {.call_before_training = true});
  trainer.run();
  EXPECT_THAT(seen, ElementsAre(0, 1, 2));
}

}  // namespace
}  // namespace rensa
