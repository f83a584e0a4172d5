#include "trainer/extensions/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
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

void train_with_trace(const std::string& out, int ranks, int steps, TraceOptions options,
                      const ReducerOptions& reducer = {}, const Trace::Warn& warn = nullptr) {
  run_on_threads(ranks, [&](Communicator& comm) {
    rensa::testing::PlantedTraining training(comm, {.forward = 1}, out, steps, /*units=*/32, reducer);
    TraceOptions mine = options;
    mine.planted_skew_ns = skew_of(comm.rank());
    training.trainer.extend(std::make_unique<Trace>(mine, training.buckets(), training.waits(), warn));
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

TEST(TraceTest, ARunThatEndsBeforeItsFirstStepWritesNothingAndSaysSo) {
  const rensa::testing::ScratchFolder folder;
  for (const int steps : {3, 9}) {  // the clocks are aligned in the ninth
    std::vector<std::string> said;  // by rank 0 alone
    train_with_trace(folder.path().string(), 2, steps, {.path = folder / "trace.json", .first_step = 10, .steps = 2},
                     {}, [&said](const std::string& line) { said.push_back(line); });
    EXPECT_FALSE(std::filesystem::exists(folder / "trace.json"));
    ASSERT_EQ(said.size(), 1u);
    EXPECT_THAT(said[0], HasSubstr(detail::join("ended at step ", steps, ", before trace_first = 10")));
  }
}

TEST(TraceTest, AFinishedRunThatIsResumedSaysNothingAndKeepsItsFile) {
  const rensa::testing::ScratchFolder folder;
  std::vector<std::string> said;  // by rank 0 alone
  run_on_threads(2, [&](Communicator& comm) {
    rensa::testing::PlantedTraining training(comm, {.forward = 1}, folder.path().string(), /*steps=*/3);
    const TraceOptions options{.path = folder / "trace.json", .first_step = 2, .steps = 4};
    training.trainer.extend(std::make_unique<Trace>(options, training.buckets(), training.waits(),
                                                    [&said](const std::string& line) { said.push_back(line); }));
    for (int run = 0; run < 2; ++run) training.trainer.run();  // the second one has no step left
  });
  EXPECT_THAT(said, ::testing::IsEmpty());
  EXPECT_FALSE(rensa::testing::read_trace(folder / "trace.json")["traceEvents"].empty());
}

/// Buckets take 4 ms, which the forward behind them does not hide.
struct SlowBuckets : ReducerObserver {
  void bucket_leaves(const GradientBucket&, Clock::time_point) override { rensa::testing::nap(4); }
};

/// How long reads have waited when each step is over.
struct WaitedInReads : Extension {
  const DistributedOptimizer& optimizer;
  std::vector<double> seconds = {0};
  explicit WaitedInReads(const DistributedOptimizer& o) : optimizer(o) {}
  std::string name() const override { return "WaitedInReads"; }
  void observe(Trainer&) override { seconds.push_back(optimizer.waited_in_reads()); }
  void operator()(Trainer&) override {}
};

void expect_buckets_lie_in_their_backward(const nlohmann::json& trace, const std::set<std::int64_t>& expected_steps) {
  std::map<std::pair<int, std::int64_t>, std::pair<double, double>> backwards;  // of a rank and step
  for (const auto& event : trace["traceEvents"]) {
    if (event["name"] != "backward") continue;
    const double begin = event["ts"];
    backwards[{event["pid"], event["args"]["step"]}] = {begin, begin + event["dur"].get<double>()};
  }
  std::set<std::int64_t> steps;
  for (const auto& event : trace["traceEvents"]) {
    if (!event["name"].get<std::string>().ends_with("ready")) continue;
    const std::int64_t step = event["args"]["step"];
    const auto [begin, end] = backwards.at({event["pid"], step});
    EXPECT_GE(event["ts"].get<double>(), begin) << event.dump();
    EXPECT_LE(event["ts"].get<double>(), end) << event.dump();
    steps.insert(step);
  }
  EXPECT_EQ(steps, expected_steps);
}

TEST(TraceTest, WithCarryOverWaitsLieWhereTheyAreAndBucketsBelongToTheirStep) {
  for (const int steps : {7, 9}) {  // the run ends with the last step drawn; it goes on behind it
    const rensa::testing::ScratchFolder folder;
    const std::string path = folder / "trace.json";
    std::vector<double> waited_us(2);  // of each rank, in the steps drawn
    run_on_threads(2, [&](Communicator& comm) {
      SlowBuckets slow;
      rensa::testing::PlantedTraining training(comm, {.forward = 1}, folder.path().string(), steps, /*units=*/32,
                                               {.carry_over = true});
      training.optimizer.reducer().observe(&slow);
      const TraceOptions options{.path = path, .first_step = 4, .steps = 4};
      training.trainer.extend(std::make_unique<Trace>(options, training.buckets(), training.waits()));
      const auto& waited = dynamic_cast<const WaitedInReads&>(
          training.trainer.extend(std::make_unique<WaitedInReads>(training.optimizer)));
      training.trainer.run();
      waited_us[static_cast<std::size_t>(comm.rank())] = 1e6 * (waited.seconds[7] - waited.seconds[3]);
      training.optimizer.settle();
      training.optimizer.reducer().observe(nullptr);
    });
    const nlohmann::json trace = rensa::testing::read_trace(path);
    rensa::testing::expect_trace_format(trace);
    rensa::testing::expect_buckets_meet(trace);
    expect_buckets_lie_in_their_backward(trace, {4, 5, 6, 7});
    std::vector<double> drawn_us(2);
    for (const auto& event : trace["traceEvents"]) {
      if (event["name"] == "wait") drawn_us[event["pid"].get<std::size_t>()] += event["dur"].get<double>();
    }
    for (std::size_t rank = 0; rank < 2; ++rank) {
      EXPECT_GT(waited_us[rank], 0);
      EXPECT_NEAR(drawn_us[rank], waited_us[rank], 0.01 * waited_us[rank] + 100);
    }
  }
}

TEST(TraceTest, WithZeroTheGatherOfWeightsIsDrawnWithItsBytes) {
  const rensa::testing::ScratchFolder folder;
  const std::string path = folder / "trace.json";
  train_with_trace(folder.path().string(), 2, 4, {.path = path, .first_step = 2, .steps = 2}, {.zero = 1});
  const nlohmann::json trace = rensa::testing::read_trace(path);
  rensa::testing::expect_trace_format(trace);
  rensa::testing::expect_buckets_meet(trace);
  int gathers = 0;
  for (const auto& event : trace["traceEvents"]) {
    if (event["name"] != "gather 0") continue;
    EXPECT_EQ(event["cat"], "comm");
    EXPECT_GT(event["args"]["bytes"].get<std::int64_t>(), 0);
    ++gathers;
  }
  EXPECT_EQ(gathers, 2 * 2);  // of two ranks in two steps
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
