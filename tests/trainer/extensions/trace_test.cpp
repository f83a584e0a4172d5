#include "trainer/extensions/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "comm/shm/thread_group.h"
#include "core/error.h"
#include "tests/support/planted_training.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/trace_format.h"

namespace rensa {
namespace {

using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::ThrowsMessage;

std::int64_t skew_of(int rank) { return rank * std::int64_t{5'000'000'017}; }

void train_with_trace(const std::string& out, int ranks, int steps, TraceOptions options) {
  run_on_threads(ranks, [&](Communicator& comm) {
    rensa::testing::PlantedTraining training(comm, {.forward = 1}, out, steps);
    TraceOptions mine = options;
    mine.planted_skew_ns = skew_of(comm.rank());
    training.trainer.extend(std::make_unique<Trace>(mine, training.buckets()));
    training.trainer.run();
  });
}

TEST(TraceTest, DrawsTheStepsOfAllRanksOnOneClock) {
  const rensa::testing::ScratchFolder folder;
  const std::string path = folder / "trace.json";
  train_with_trace(folder.path().string(), 3, 8, {.path = path, .first_step = 3, .steps = 4});
  const nlohmann::json trace = rensa::testing::read_trace(path);
  rensa::testing::expect_trace_format(trace);
  rensa::testing::expect_buckets_meet(trace);
  std::set<std::string> names;
  std::set<std::int64_t> steps;
  std::set<int> ranks;
  for (const auto& event : trace["traceEvents"]) {
    ranks.insert(event["pid"].get<int>());
    if (event["ph"] == "M") continue;
    names.insert(event["name"]);
    steps.insert(event["args"]["step"].get<std::int64_t>());
  }
  EXPECT_THAT(names, IsSupersetOf({"input", "forward", "backward", "update", "wait", "bucket 0", "bucket 0 ready"}));
  EXPECT_EQ(steps, (std::set<std::int64_t>{3, 4, 5, 6}));
  EXPECT_EQ(ranks, (std::set<int>{0, 1, 2}));
  ASSERT_EQ(trace["otherData"]["clocks"].size(), 3u);
  for (const auto& clock : trace["otherData"]["clocks"]) {
    for (const char* when : {"first", "last"}) {
      const auto& offset = clock[when];
      const std::int64_t wrong = offset["offset_ns"].get<std::int64_t>() + skew_of(clock["rank"]);
      EXPECT_LE(std::abs(wrong), offset["error_ns"].get<std::int64_t>() + 1) << clock.dump();
    }
  }
}

TEST(TraceTest, ARunThatEndsBeforeTheWindowIsDrawnToItsEnd) {
  const rensa::testing::ScratchFolder folder;
  const std::string path = folder / "trace.json";
  train_with_trace(folder.path().string(), 2, 3, {.path = path, .first_step = 1, .steps = 100});
  std::set<std::int64_t> steps;
  const nlohmann::json trace = rensa::testing::read_trace(path);
  rensa::testing::expect_trace_format(trace);
  for (const auto& event : trace["traceEvents"]) {
    if (event["ph"] != "M") steps.insert(event["args"]["step"].get<std::int64_t>());
  }
  EXPECT_EQ(steps, (std::set<std::int64_t>{1, 2, 3}));
}

TEST(TraceTest, ARunThatEndsBeforeItsFirstStepWritesNothing) {
  const rensa::testing::ScratchFolder folder;
  train_with_trace(folder.path().string(), 2, 3, {.path = folder / "trace.json", .first_step = 10, .steps = 2});
  EXPECT_FALSE(std::filesystem::exists(folder / "trace.json"));
}

TEST(TraceTest, OneRankAloneHasATraceToo) {
  const rensa::testing::ScratchFolder folder;
  const std::string path = folder / "trace.json";
  train_with_trace(folder.path().string(), 1, 3, {.path = path, .first_step = 1, .steps = 2});
  EXPECT_EQ(rensa::testing::read_trace(path)["otherData"]["clocks"].size(), 1u);
}

TEST(TraceTest, RefusesStepsThatAreNone) {
  const rensa::testing::ScratchFolder folder;
  EXPECT_THAT(
      [&] { train_with_trace(folder.path().string(), 1, 1, {.path = folder / "t", .first_step = 0, .steps = 2}); },
      ThrowsMessage<ValueError>(HasSubstr("from step 0")));
  EXPECT_THROW(train_with_trace(folder.path().string(), 1, 1, {.path = "", .first_step = 1, .steps = 2}), ValueError);
}

/// For scripts: judges the file that RENSA_TRACE_FILE names. RENSA_TRACE_SKEW_S: how far each rank's clock is ahead of
/// the one before it; offsets must be right to 100 us.
TEST(TraceTest, AFileOfAnotherRunIsAsItShouldBe) {
  const char* path = std::getenv("RENSA_TRACE_FILE");
  if (!path) GTEST_SKIP() << "RENSA_TRACE_FILE is not set";
  const nlohmann::json trace = rensa::testing::read_trace(path);
  rensa::testing::expect_trace_format(trace);
  rensa::testing::expect_buckets_meet(trace);
  const char* skew = std::getenv("RENSA_TRACE_SKEW_S");
  if (!skew) return;
  for (const auto& clock : trace["otherData"]["clocks"]) {
    for (const char* when : {"first", "last"}) {
      const std::int64_t planted = std::atoll(skew) * 1'000'000'000 * clock["rank"].get<int>();
      const std::int64_t wrong_ns = clock[when]["offset_ns"].get<std::int64_t>() + planted;
      std::printf("rank %d on %s, %s: wrong by %.1f us (it says at most %.1f us)\n", clock["rank"].get<int>(),
                  clock["host"].get<std::string>().c_str(), when, static_cast<double>(wrong_ns) * 1e-3,
                  clock[when]["error_ns"].get<double>() * 1e-3);
      EXPECT_LT(std::abs(wrong_ns), 100'000);
    }
  }
}

}  // namespace
}  // namespace rensa
