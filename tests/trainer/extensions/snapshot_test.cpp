#include "trainer/extensions/snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>

#include "comm/self/self_communicator.h"
#include "comm/shm/thread_group.h"
#include "core/error.h"
#include "tests/support/scratch_folder.h"
#include "tests/trainer/counting_updater.h"
#include "trainer/extensions/observe_value.h"
#include "trainer/trainer.h"
#include "trainer/triggers/best_value.h"

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
  run(folder / "out", self, {.trigger = {20, Unit::kIteration}}, 30);
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
