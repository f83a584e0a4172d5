#include "trainer/extensions/straggler_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "comm/shm/thread_group.h"
#include "tests/support/planted_training.h"
#include "tests/support/scratch_folder.h"
#include "trainer/extensions/log_report.h"
#include "trainer/extensions/step_time_report.h"

namespace rensa {
namespace {

using rensa::testing::PlantedTimes;
using ::testing::HasSubstr;

/// Naps at the end of each step, as a file that is slow to write makes a rank do.
struct NappingExtension final : Extension {
  std::string name() const override { return "NappingExtension"; }
  void operator()(Trainer&) override { rensa::testing::nap(30); }
};

/// The file's last entry after 12 steps of three ranks, of which rank 2 has other times.
nlohmann::json report(const PlantedTimes& usual, const PlantedTimes& of_rank_2, bool naps_between = false) {
  const rensa::testing::ScratchFolder folder;
  std::string said;
  run_on_threads(3, [&](Communicator& comm) {
    rensa::testing::PlantedTraining training(comm, comm.rank() == 2 ? of_rank_2 : usual, folder.path().string(), 12);
    training.trainer.extend(std::make_unique<StragglerReport>(Trigger{12, Unit::kIteration}, training.buckets(),
                                                              [&](const std::string& line) { said = line; }));
    if (naps_between && comm.rank() == 2) training.trainer.extend(std::make_unique<NappingExtension>());
    training.trainer.run();
  });
  std::ifstream in(folder / "stragglers");
  const nlohmann::json entry = nlohmann::json::parse(in).back();
  EXPECT_EQ(entry["text"], said);
  EXPECT_EQ(entry["ranks"].size(), 3u);
  return entry;
}

TEST(StragglerReportTest, NamesARankThatComputesSlowly) {
  const nlohmann::json entry = report({.forward = 30}, {.forward = 60});
  EXPECT_EQ(entry["cause"], "compute") << entry.dump(1);
  EXPECT_EQ(entry["rank"], 2);
  EXPECT_THAT(entry["text"].get<std::string>(), HasSubstr("slow rank: rank 2"));
}

TEST(StragglerReportTest, NamesARankWithASlowLoader) {
  const nlohmann::json entry = report({.forward = 20}, {.forward = 20, .sample = 15});
  EXPECT_EQ(entry["cause"], "input") << entry.dump(1);
  EXPECT_EQ(entry["rank"], 2);
}

TEST(StragglerReportTest, NamesARankThatIsBusyBesideItsSteps) {
  const nlohmann::json entry = report({.forward = 20}, {.forward = 20}, /*naps_between=*/true);
  EXPECT_EQ(entry["cause"], "between") << entry.dump(1);
  EXPECT_EQ(entry["rank"], 2);
}

TEST(StepTimeReportTest, PutsTimesBytesAndOverlapIntoTheLog) {
  const rensa::testing::ScratchFolder folder;
  run_on_threads(2, [&](Communicator& comm) {
    rensa::testing::PlantedTraining training(comm, {.forward = 2}, folder.path().string(), 4);
    training.trainer.extend(std::make_unique<StepTimeReport>(training.buckets()));
    const auto& log = dynamic_cast<const LogReport&>(
        training.trainer.extend(std::make_unique<LogReport>(Trigger{4, Unit::kIteration})));
    training.trainer.run();
    if (comm.rank() != 0) return;
    const LogReport::Entry& entry = log.log().back();
    double bytes = 0;
    for (const ParameterArena& arena : training.optimizer.arenas())
      bytes += static_cast<double>(arena.gradients.bytes());
    EXPECT_EQ(entry.at("comm/bytes"), bytes);
    EXPECT_GE(entry.at("compute/time_ms"), 2);
    EXPECT_GE(entry.at("input/time_ms"), 0);
    EXPECT_GE(entry.at("wait/time_ms"), 0);
    EXPECT_GE(entry.at("comm/overlap"), 0);
    EXPECT_LE(entry.at("comm/overlap"), 1);
  });
}

/// Rank 1 is late with its part of the weights, for which rank 0 waits.
TEST(StepTimeReportTest, WithZeroBringingWeightsIsWaitingAndItsBytesCount) {
  const rensa::testing::ScratchFolder folder;
  run_on_threads(2, [&](Communicator& comm) {
    const PlantedTimes times{.forward = 1, .sample = 0, .update = comm.rank() == 1 ? 20.0 : 0.1};  // of each bucket
    rensa::testing::PlantedTraining training(comm, times, folder.path().string(), 2, /*units=*/32, {.zero = 1});
    StepTimeReport report(training.buckets(), training.inside_waits());
    Observation& seen = training.trainer.observation();
    for (int step = 0; step < 2; ++step) {
      seen.clear();
      training.updater.update(seen);
      report.observe(training.trainer);
    }
    const double wait = seen.at("wait/time_ms").value(), compute = seen.at("compute/time_ms").value();
    if (comm.rank() == 0) {
      EXPECT_GE(wait, 20);
      EXPECT_LT(compute, wait);
    } else {
      EXPECT_GE(compute, 20);
    }
    double bytes = 0;  // whole gradients into the reduce-scatter, half of the weights into the all-gather
    for (const ParameterArena& arena : training.optimizer.arenas())
      bytes += 1.5 * static_cast<double>(arena.values.bytes());
    EXPECT_EQ(seen.at("comm/bytes").value(), bytes);
    EXPECT_EQ(static_cast<double>(training.optimizer.last_sent_bytes()), bytes);
  });
}

}  // namespace
}  // namespace rensa
