#include "comm/watchdog/judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <string>

#include "comm/watchdog/last_words.h"

namespace rensa::watchdog {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::uint64_t kWhole = 7;

/// A judge on rank 0 of four ranks on two hosts, and ranks that it hears of.
class JudgeTest : public ::testing::Test {
 protected:
  JudgeTest() : judge_(seats(), 0, {0, 1, 2, 3}, {.heartbeat_s = 5, .call_s = 60}, now_), logs_(4) {}

  static std::vector<Seat> seats() {
    std::vector<Seat> all(4);
    for (int r = 0; r < 4; ++r) {
      auto& seat = all[static_cast<std::size_t>(r)];
      seat.rank = r;
      seat.node = r / 2;
      seat.host = r < 2 ? "left" : "right";
    }
    return all;
  }

  CallLog& log(int rank) { return logs_[static_cast<std::size_t>(rank)]; }
  void call(int rank, const Call& call) { const CallLog::Scope scope(log(rank), call); }

  /// What the rank's log holds, as it would arrive.
  CommunicatorReport report_of(int rank, bool running = false, double seconds = 0, bool closed = false) {
    const CallLog::State state = log(rank).state();
    CommunicatorReport report;
    report.id = kWhole;
    std::copy_n("flat", 4, report.name.begin());
    report.rank = rank;
    report.size = 4;
    report.running = running;
    report.closed = closed;
    report.seconds = seconds;
    report.number = state.number;
    report.digest = state.digest;
    report.marks = state.marks;
    report.last = state.last;
    return report;
  }
  void hear(int rank, bool running = false, double seconds = 0, bool closed = false) {
    judge_.heard(rank, now_);
    judge_.report(rank, report_of(rank, running, seconds, closed), now_);
  }
  void hear_all(bool running = false) {
    for (int r = 0; r < 4; ++r) hear(r, running);
  }
  void answer_all(std::uint64_t id = kWhole) {
    for (int r = 0; r < 4; ++r) {
      Detail detail{.id = id, .first = 1, .calls = {}};
      const std::uint64_t last = log(r).state().number;
      if (last > CallLog::kKept) detail.first = last - CallLog::kKept + 1;
      for (std::uint64_t number = detail.first; number <= last; ++number) {
        detail.calls.push_back(log(r).kept(number));
      }
      judge_.answered(r, detail, now_);
    }
  }
  void pass(double seconds) {
    now_ += std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  }
  std::string line() {
    const auto verdict = judge_.judge(now_);
    return verdict ? verdict->text.substr(0, verdict->text.find('\n')) : "";
  }

  Clock::time_point now_{std::chrono::hours(1)};
  Judge judge_;
  std::vector<CallLog> logs_;
};

const Call kSum("all_reduce", 1000, Dtype::kFloat32);

TEST_F(JudgeTest, IsSilentWhileAllIsWell) {
  for (int step = 0; step < 1000; ++step) {
    for (int r = 0; r < 4; ++r) call(r, kSum);
    if (step % 10 == 0) hear_all();
    pass(0.1);
    EXPECT_EQ(line(), "");
  }
}

TEST_F(JudgeTest, RanksSeenAtDifferentMomentsAgree) {
  for (int step = 0; step < 3000; ++step) {
    for (int r = 0; r < 4; ++r) {
      call(r, kSum);
      if (step % 7 == r) hear(r);
    }
    pass(0.001);
    EXPECT_EQ(line(), "");
  }
}

TEST_F(JudgeTest, NamesTheMinorityOfADisagreement) {
  for (int r = 0; r < 4; ++r) call(r, kSum);
  for (int r = 0; r < 4; ++r) call(r, r == 2 ? Call("all_reduce", 1000, Dtype::kInt32) : kSum);
  hear_all(/*running=*/true);
  EXPECT_EQ(line(), "") << "it asks first";
  EXPECT_EQ(judge_.question(), kWhole);
  EXPECT_EQ(judge_.question(), std::nullopt);
  answer_all();
  EXPECT_THAT(line(),
              AllOf(StartsWith("rensa: rank 2 of 4 on right: call #2 on flat: rank 2 called all_reduce of 1000 int32"),
                    HasSubstr("while ranks 0, 1 and 3 called all_reduce of 1000 float32")));
}

TEST_F(JudgeTest, NamesBothHalvesWithoutAMajority) {
  for (int r = 0; r < 4; ++r) call(r, Call("broadcast", 10, Dtype::kFloat32, r < 2 ? 0 : 3));
  hear_all(true);
  line();
  answer_all();
  EXPECT_THAT(line(), AllOf(HasSubstr("rank 0 of 4 on left"), HasSubstr("rank 3 of 4 on right")));
}

TEST_F(JudgeTest, WaitsForTheMajorityToComeToTheCall) {
  call(1, kSum);
  call(2, Call("barrier", 0, Dtype::kUInt8));
  hear(1, true);
  hear(2, true);
  hear(0);
  hear(3);
  EXPECT_EQ(line(), "");
  pass(0.1);
  call(0, kSum);
  call(3, kSum);
  hear_all(true);
  line();
  answer_all();
  EXPECT_THAT(line(), StartsWith("rensa: rank 2 of 4 on right: call #1 on flat: rank 2 called barrier"));
}

TEST_F(JudgeTest, FindsADisagreementThatNobodyRemembers) {
  for (int step = 0; step < 5000; ++step) {
    for (int r = 0; r < 4; ++r) call(r, step == 100 && r == 1 ? Call("all_reduce", 1000, Dtype::kInt32) : kSum);
  }
  hear_all();
  line();
  answer_all();
  EXPECT_THAT(line(), AllOf(StartsWith("rensa: rank 1 of 4 on left: rank 1, unlike ranks 0, 2 and 3 made other calls"),
                            HasSubstr("at or before call #4")));
}

TEST_F(JudgeTest, BlamesADisagreementBeforeTheErrorsThatFollow) {
  for (int r = 0; r < 4; ++r) call(r, r == 3 ? Call("barrier", 0, Dtype::kUInt8) : kSum);
  hear_all(true);
  judge_.failed(0, "MPI_Allreduce: message truncated", 1, now_);
  line();
  answer_all();
  EXPECT_THAT(line(), StartsWith("rensa: rank 3 of 4 on right: call #1"));
}

TEST_F(JudgeTest, AsksWhetherAnErrorFollowsFromADisagreement) {
  // No two reports are of the same call: the last ones show no difference.
  for (int step = 0; step < 5; ++step) {
    for (int r = 0; r < 4; ++r) {
      if (step < 3 + r % 3) call(r, step == 2 && r == 1 ? Call("all_reduce", 1001, Dtype::kFloat32) : kSum);
    }
  }
  for (const int r : {1, 2, 3}) hear(r, true);
  hear(0);
  judge_.failed(0, "MPI_Allreduce: message truncated", 1, now_);
  EXPECT_EQ(line(), "");
  while (judge_.question()) answer_all(/*id=*/0);
  EXPECT_EQ(line(), "") << "it asks for what they remember";
  EXPECT_EQ(judge_.question(), kWhole);
  answer_all();
  EXPECT_THAT(line(),
              StartsWith("rensa: rank 1 of 4 on left: call #3 on flat: rank 1 called all_reduce of 1001 float32"));
}

TEST_F(JudgeTest, KeepsADisagreementInMindWhenReportsMoveOn) {
  for (int r = 0; r < 4; ++r) call(r, r == 2 ? Call("barrier", 0, Dtype::kUInt8) : kSum);
  hear_all();
  EXPECT_EQ(line(), "");
  for (int r = 0; r < 4; ++r) {
    for (int step = 0; step <= r; ++step) call(r, kSum);
  }
  hear_all(/*running=*/true);  // each is in another call now
  judge_.failed(1, "MPI_Allreduce: message truncated", 1, now_);
  line();
  answer_all();
  EXPECT_THAT(line(), StartsWith("rensa: rank 2 of 4 on right: call #1 on flat: rank 2 called barrier"));
}

TEST_F(JudgeTest, NamesARankThatDiedAndItsLastCall) {
  for (int r = 0; r < 4; ++r) call(r, kSum);
  hear_all();
  judge_.died(3, now_);
  EXPECT_EQ(line(), "") << "it hears the others first";
  answer_all(/*id=*/0);
  EXPECT_THAT(line(),
              AllOf(StartsWith("rensa: rank 3 of 4 on right died"), HasSubstr("all_reduce #1 of 1000 float32")));
}

TEST_F(JudgeTest, NamesTheFirstRankThatGaveUpAndItsReason) {
  hear_all();
  judge_.failed(2, "a file is missing", 3, now_);
  pass(0.01);
  judge_.failed(1, "something else", 1, now_);
  EXPECT_EQ(line(), "") << "it hears the others first";
  EXPECT_TRUE(judge_.question().has_value());
  pass(0.01);
  answer_all(/*id=*/0);
  EXPECT_EQ(line(), "") << "it asks what they remember";
  answer_all();
  const auto verdict = judge_.judge(now_);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->status, 3);
  EXPECT_THAT(verdict->text, StartsWith("rensa: rank 2 of 4 on right: a file is missing"));
}

TEST_F(JudgeTest, JudgesAFailureWithoutThoseWhoDoNotAnswer) {
  judge_.failed(1, "a file is missing", 1, now_);
  pass(1);
  EXPECT_THAT(line(), StartsWith("rensa: rank 1 of 4 on left: a file is missing"));
}

TEST_F(JudgeTest, LeavesRanksAloneThatHaveDoneTheirWork) {
  Judge second(seats(), 1, {0, 1, 2, 3}, {.heartbeat_s = 5, .call_s = 60}, now_);
  second.left(0, now_);
  second.left(2, now_);
  EXPECT_FALSE(second.is_alone());
  second.left(3, now_);
  EXPECT_TRUE(second.is_alone());
  second.failed(1, "ended itself with status 1", 1, now_);
  pass(1);
  EXPECT_FALSE(second.judge(now_)) << "who has left would be killed";
}

TEST_F(JudgeTest, EndsRanksThatHaveLeftTogetherWithThoseThatStillWait) {
  judge_.left(2, now_);
  judge_.left(3, now_);
  judge_.failed(1, "ended itself with status 1", 1, now_);
  pass(1);
  const auto verdict = judge_.judge(now_);
  ASSERT_TRUE(verdict);
  EXPECT_THAT(verdict->lost, ElementsAre(2, 3));
}

TEST_F(JudgeTest, NamesAStoppedRankAndHasItKilled) {
  hear_all();
  for (double t = 0; t < 5.3; t += 0.1) {
    pass(0.1);
    for (const int r : {0, 1, 2}) judge_.heard(r, now_);
    EXPECT_EQ(line(), "");
  }
  pass(0.6);
  for (const int r : {0, 1, 2}) judge_.heard(r, now_);
  const auto verdict = judge_.judge(now_);
  ASSERT_TRUE(verdict);
  EXPECT_THAT(verdict->text, StartsWith("rensa: rank 3 of 4 on right is silent for"));
  EXPECT_THAT(verdict->text, Not(HasSubstr("link cut")));
  EXPECT_THAT(verdict->lost, ElementsAre(3));
}

TEST_F(JudgeTest, NamesAHostThatIsCutOff) {
  hear_all();
  std::string found;
  for (double t = 0; t < 7 && found.empty(); t += 0.1) {
    pass(0.1);
    for (const int r : {0, 1}) judge_.heard(r, now_);
    found = line();
  }
  EXPECT_THAT(found, AllOf(StartsWith("rensa: ranks 2 and 3 of 4 on right are silent"), HasSubstr("link cut")));
}

TEST_F(JudgeTest, DoesNotBlameTheRankThatALauncherEndsBecauseItMissesAHost) {
  hear_all();
  for (double t = 0; t < 3; t += 0.1) {
    pass(0.1);
    for (const int r : {0, 1}) judge_.heard(r, now_);
    EXPECT_EQ(line(), "");
  }
  judge_.failed(1, signal_description(SIGTERM), kSignalStatus + SIGTERM, now_);
  pass(0.6);
  for (const int r : {0, 1}) judge_.heard(r, now_);
  const auto verdict = judge_.judge(now_);
  ASSERT_TRUE(verdict);
  EXPECT_THAT(verdict->text, AllOf(StartsWith("rensa: ranks 2 and 3 of 4 on right are silent for 3.6 s"),
                                   HasSubstr("link cut"), HasSubstr("ended from outside (SIGTERM)")));
  EXPECT_EQ(verdict->status, kSignalStatus + SIGTERM);
}

TEST_F(JudgeTest, NamesTheRankThatWasEndedFromOutsideWhileAllSpeak) {
  hear_all();
  judge_.failed(1, signal_description(SIGTERM), kSignalStatus + SIGTERM, now_);
  pass(0.6);
  for (const int r : {0, 1, 2}) judge_.heard(r, now_);
  EXPECT_THAT(line(), StartsWith("rensa: rank 1 of 4 on left: SIGTERM"));
}

TEST_F(JudgeTest, ForgivesSilenceAfterItWasStoppedItself) {
  hear_all();
  pass(100);
  judge_.forgive_silence(now_);
  EXPECT_EQ(line(), "");
  pass(1);
  EXPECT_EQ(line(), "");
}

TEST_F(JudgeTest, NamesARankThatDoesNotComeToACall) {
  for (int r = 0; r < 4; ++r) call(r, kSum);
  for (const int r : {0, 2, 3}) call(r, kSum);
  for (int r = 0; r < 4; ++r) hear(r, /*running=*/r != 1);
  for (double t = 0; t < 59; t += 1) {
    pass(1);
    for (int r = 0; r < 4; ++r) judge_.heard(r, now_);
    EXPECT_EQ(line(), "");
  }
  pass(2);
  for (int r = 0; r < 4; ++r) judge_.heard(r, now_);
  EXPECT_THAT(line(), AllOf(StartsWith("rensa: rank 1 of 4 on left did not come to all_reduce #2"),
                            HasSubstr("last call: all_reduce #1")));
}

TEST_F(JudgeTest, DoesNotWaitForARankThatHasLeft) {
  for (int r = 0; r < 4; ++r) call(r, kSum);
  for (const int r : {0, 1, 2}) call(r, kSum);
  for (int r = 0; r < 4; ++r) hear(r, /*running=*/r != 3, 0, /*closed=*/r == 3);
  judge_.left(3, now_);
  EXPECT_EQ(line(), "");
  pass(1.5);
  for (const int r : {0, 1, 2}) judge_.heard(r, now_);
  const auto verdict = judge_.judge(now_);
  ASSERT_TRUE(verdict);
  EXPECT_THAT(verdict->text, StartsWith("rensa: rank 3 of 4 on right has left and will not come to all_reduce #2"));
  EXPECT_THAT(verdict->lost, ElementsAre(3)) << "it may wait in MPI_Finalize";
}

/// It has been waited for long, but its last message may arrive with the waiting ranks' next words.
TEST_F(JudgeTest, LetsWhoHasJustLeftBeFollowedByItsLastMessage) {
  for (int r = 0; r < 4; ++r) call(r, kSum);
  for (const int r : {0, 1, 2}) call(r, kSum);
  for (const int r : {0, 1, 2}) hear(r, /*running=*/true, 30);
  hear(3);
  EXPECT_EQ(line(), "");
  hear(3, /*running=*/false, 0, /*closed=*/true);
  EXPECT_EQ(line(), "");
  pass(0.5);
  for (int r = 0; r < 4; ++r) judge_.heard(r, now_);
  EXPECT_EQ(line(), "");
  pass(0.6);
  for (int r = 0; r < 4; ++r) judge_.heard(r, now_);
  EXPECT_THAT(line(), StartsWith("rensa: rank 3 of 4 on right has left and will not come to all_reduce #2"));
}

TEST_F(JudgeTest, KeepsTheLimitWhereItHearsNobodyElse) {
  Judge alone(seats(), 2, {0, 1, 2}, {.heartbeat_s = 5, .call_s = 60}, now_);  // a rank that the stations have left
  alone.left(0, now_);
  alone.left(1, now_);
  call(2, kSum);
  alone.report(2, report_of(2, /*running=*/true), now_);
  pass(59);
  alone.heard(2, now_);
  EXPECT_FALSE(alone.judge(now_));
  pass(2);
  alone.heard(2, now_);
  const auto verdict = alone.judge(now_);
  ASSERT_TRUE(verdict);
  EXPECT_THAT(
      verdict->text,
      StartsWith("rensa: rank 2 of 4 on right: all_reduce #1 of 1000 float32 (3.9 KiB) on flat has not ended in "
                 "61.0 s; of 3 of its 4 ranks nothing is known here. A longer limit: comm_timeout."));
}

TEST_F(JudgeTest, LetsRanksLeaveOneAfterTheOther) {
  for (int r = 0; r < 4; ++r) call(r, kSum);
  hear_all();
  for (int r = 3; r >= 0; --r) {
    judge_.left(r, now_);
    judge_.died(r, now_);  // the connection closes
    pass(10);
    judge_.heard(0, now_);
    judge_.heard(1, now_);
    judge_.heard(2, now_);
    EXPECT_EQ(line(), "");
  }
}

TEST_F(JudgeTest, OfCallsThatEndedAtOnceTheProgramsOwnIsTheLast) {
  for (int r = 0; r < 4; ++r) call(r, kSum);
  for (const std::uint64_t id : {kWhole - 1, kWhole + 1}) {  // whichever comes first
    CommunicatorReport inner = report_of(2);
    inner.id = id;
    inner.level = 1;
    inner.last = Call("broadcast", 10, Dtype::kFloat32, 0);
    judge_.report(2, inner, now_);
  }
  hear_all();
  judge_.failed(2, "a file is missing", 1, now_);
  pass(1);
  EXPECT_THAT(line(), HasSubstr("last call: all_reduce #1 of 1000 float32"));
}

TEST_F(JudgeTest, TheLastCallIsTheOneThatEndedLast) {
  CommunicatorReport early = report_of(2);
  early.id = kWhole - 1;
  early.last = Call("broadcast", 10, Dtype::kFloat32, 0);
  judge_.report(2, early, now_);  // ended when it was reported, and nothing was heard of it since
  pass(3);
  call(2, kSum);
  hear(2, /*running=*/false, /*seconds=*/0.5);
  judge_.failed(2, "a file is missing", 1, now_);
  pass(1);
  EXPECT_THAT(line(), HasSubstr("last call: all_reduce #1 of 1000 float32"));
}

TEST_F(JudgeTest, TheTableTellsEveryRanksLastCall) {
  for (int r = 0; r < 4; ++r) call(r, kSum);
  for (int r = 0; r < 4; ++r) hear(r, r != 2);
  judge_.died(2, now_);
  answer_all(/*id=*/0);
  const auto verdict = judge_.judge(now_);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(std::count(verdict->text.begin(), verdict->text.end(), '\n'), 1 + 1 + 4);
  EXPECT_THAT(verdict->text, HasSubstr("     1  left   all_reduce #1 of 1000 float32 (3.9 KiB) on flat, for 0.0 s\n"));
  EXPECT_THAT(verdict->text, HasSubstr("; DIED\n"));
  EXPECT_THAT(verdict->lost, IsEmpty());
}

}  // namespace
}  // namespace rensa::watchdog
