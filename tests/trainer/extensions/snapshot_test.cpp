#include "trainer/extensions/snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "comm/self/self_communicator.h"
#include "comm/shm/thread_group.h"
#include "core/error.h"
#include "tests/support/scratch_folder.h"
#include "tests/trainer/counting_updater.h"
#include "trainer/extensions/observe_value.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::ThrowsMessage;
using testing::CountingUpdater;

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
  EXPECT_THAT(damages, ElementsAre(HasSubstr("snapshot_iter_6"), HasSubstr("snapshot_iter_4")));
  EXPECT_THAT(newest_whole_snapshot(folder / "elsewhere", report), IsEmpty());
  EXPECT_THAT(damages, SizeIs(2));
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
    EXPECT_THAT([&] { run(folder / "several", comm, {.on_error = true}); }, ThrowsMessage<ValueError>(HasSubstr("one rank")));
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
