#include "trainer/stragglers/judge.h"

#include <gtest/gtest.h>

#include <functional>

#include "comm/shm/thread_group.h"
#include "trainer/step_times.h"
#include "trainer/stragglers/link_probe.h"

namespace rensa::stragglers {
namespace {

constexpr double kMs = 1e-3;

/// Ten steps of ranks that compute 50 ms and wait 4 ms for the network; `change` spoils them.
std::vector<std::vector<Step>> ten_steps(int ranks, const std::function<void(int rank, Step&)>& change) {
  std::vector<std::vector<Step>> all(static_cast<std::size_t>(ranks));
  for (int rank = 0; rank < ranks; ++rank) {
    for (int i = 0; i < 10; ++i) {
      Step step{.whole = 56 * kMs, .between = 0, .input = 1 * kMs, .compute = 50 * kMs, .wait = 4 * kMs};
      step.compute += (i * 7 + rank * 3) % 5 * 0.3 * kMs;
      change(rank, step);
      all[static_cast<std::size_t>(rank)].push_back(step);
    }
  }
  return all;
}

TEST(StragglerJudgeTest, RanksAlikeHaveNoStraggler) {
  for (const int ranks : {1, 2, 4, 8}) EXPECT_EQ(judge(ten_steps(ranks, [](int, Step&) {})).cause, Cause::kNone);
}

TEST(StragglerJudgeTest, ARankThatComputesLongerIsNamedAndNotThoseThatWaitForIt) {
  for (const int ranks : {2, 3, 8}) {
    const Verdict verdict = judge(ten_steps(ranks, [](int rank, Step& step) {
      step.whole += 15 * kMs;
      (rank == 1 ? step.compute : step.wait) += 15 * kMs;
    }));
    EXPECT_EQ(verdict.cause, Cause::kCompute);
    EXPECT_EQ(verdict.rank, 1);
    EXPECT_NEAR(verdict.excess, 15 * kMs, 1 * kMs);
    EXPECT_NEAR(verdict.exposed_network, 4 * kMs, 0.01 * kMs);
  }
}

TEST(StragglerJudgeTest, ALoaderThatIsWaitedForIsNamed) {
  const Verdict verdict = judge(ten_steps(4, [](int rank, Step& step) {
    step.whole += 20 * kMs;
    (rank == 3 ? step.input : step.wait) += 20 * kMs;
  }));
  EXPECT_EQ(verdict.cause, Cause::kInput);
  EXPECT_EQ(verdict.rank, 3);
}

TEST(StragglerJudgeTest, WorkBesideTheStepsIsNamed) {
  const Verdict verdict =
      judge(ten_steps(4, [](int rank, Step& step) { (rank == 0 ? step.between : step.wait) += 30 * kMs; }));
  EXPECT_EQ(verdict.cause, Cause::kBetween);
  EXPECT_EQ(verdict.rank, 0);
}

TEST(StragglerJudgeTest, APauseOfOneStepIsNoStraggler) {
  int seen = 0;
  EXPECT_EQ(judge(ten_steps(4, [&](int rank, Step& step) { step.compute += rank == 1 && seen++ == 0 ? 1 : 0; })).cause,
            Cause::kNone);
}

/// Ranks 0 to 3 on hosts 0, 0, 2, 2, whose ring has the links that are given.
std::vector<LinkTime> ring(const std::vector<double>& seconds) {
  std::vector<LinkTime> links;
  for (int from = 0; from < static_cast<int>(seconds.size()); ++from) {
    links.push_back({from, (from + 1) % static_cast<int>(seconds.size()), seconds[static_cast<std::size_t>(from)], 1});
  }
  return links;
}

TEST(StragglerJudgeTest, WhatEvenTheLastRankWaitsForIsTheNetworkAndAHostOnlyIfItsLinksAreSlow) {
  const auto steps = ten_steps(4, [](int rank, Step& step) {
    step.whole += 45 * kMs;
    (rank == 2 ? step.compute : step.wait) += 4 * kMs;
    step.wait += 40 * kMs;
  });
  const std::vector<int> hosts = {0, 1, 2, 3};
  const Verdict slow = judge(steps, ring({1, 5, 5, 1}), hosts);
  EXPECT_EQ(slow.cause, Cause::kLink);
  EXPECT_EQ(slow.rank, 2);
  EXPECT_NEAR(slow.exposed_network, 44 * kMs, 0.01 * kMs);
  EXPECT_NEAR(slow.excess, 44 * kMs * 0.8, 0.01 * kMs);
  const Verdict alike = judge(steps, ring({1, 1.3, 1.1, 1.6}), hosts);
  EXPECT_EQ(alike.cause, Cause::kNone);
  EXPECT_NEAR(alike.exposed_network, 44 * kMs, 0.01 * kMs);
}

TEST(StragglerJudgeTest, ASlowRankIsNamedBesideANetworkThatAllWaitFor) {
  const auto steps = ten_steps(3, [](int rank, Step& step) {
    step.whole += 75 * kMs;
    (rank == 1 ? step.compute : step.wait) += 15 * kMs;
    step.wait += 60 * kMs;
  });
  const Verdict verdict = judge(steps, ring({1, 1, 1.5}), {0, 1, 2});
  EXPECT_EQ(verdict.cause, Cause::kCompute);
  EXPECT_EQ(verdict.rank, 1);
}

TEST(StragglerJudgeTest, TheHostWhoseLinksAreAllSlowIsNamed) {
  const std::vector<int> three = {0, 1, 2};
  EXPECT_EQ(slow_host(ring({1, 5, 5}), three).host, 2);
  EXPECT_EQ(slow_host(ring({5, 1, 5}), three).host, 0);
  EXPECT_EQ(slow_host(ring({5, 1, 5}), three).times, 5);
  EXPECT_EQ(slow_host(ring({1, 1.2, 1.9}), three).host, -1);
  // two ranks a host: the ways inside a host are quick and say nothing
  EXPECT_EQ(slow_host(ring({0.01, 5, 0.01, 5, 0.01, 1}), {0, 0, 2, 2, 4, 4}).host, 2);
  EXPECT_EQ(slow_host({{0, 1, 5, 1}}, {0, 1}).host, -1);  // nothing to compare with
  EXPECT_EQ(slow_host(ring({1, 9, 9}), {0, 0, 0}).host, -1);
}

TEST(LinkProbeTest, TimesEveryLinkOfTheRing) {
  for (const int ranks : {1, 2, 3, 4}) {
    run_on_threads(ranks, [ranks](Communicator& comm) {
      const std::vector<LinkTime> links = probe_links(comm, 1000, 2);
      ASSERT_EQ(links.size(), ranks == 1 ? 0u : ranks == 2 ? 1u : static_cast<std::size_t>(ranks));
      for (const LinkTime& link : links) {
        EXPECT_EQ(link.to, (link.from + 1) % ranks);
        EXPECT_GT(link.seconds, 0);
      }
    });
  }
}

TEST(StepTimesTest, TellsOwnWorkFromWaiting) {
  using Clock = Span::Clock;
  const Clock::time_point zero{};
  const auto at = [&](int ms) { return zero + std::chrono::milliseconds(ms); };
  using Phase = Span::Phase;
  const std::vector<Span> spans = {{Phase::kInput, at(0), at(5)},
                                   {Phase::kForward, at(5), at(25)},
                                   {Phase::kBackward, at(25), at(65)},
                                   {Phase::kUpdate, at(65), at(90)}};
  const StepBuckets buckets = {{100, 100, at(40), at(40), at(60)}, {300, 300, at(65), at(65), at(80)}};
  const StepTimes times = step_times(spans, buckets, {.statistics = 0.004});
  EXPECT_NEAR(times.input, 5 * kMs, 1e-9);
  EXPECT_NEAR(times.wait, 15 * kMs + 4 * kMs, 1e-9);  // until the last bucket, and inside the network
  EXPECT_NEAR(times.compute, 60 * kMs + 10 * kMs - 4 * kMs, 1e-9);
  EXPECT_NEAR(times.wire, 35 * kMs, 1e-9);
  EXPECT_NEAR(times.hidden, 20 * kMs, 1e-9);
  EXPECT_NEAR(times.overlap(), 20.0 / 35, 1e-9);
  EXPECT_EQ(times.bytes, 400);
  EXPECT_EQ(step_times(spans, {}).wait, 0);
  const StepTimes carried = step_times(spans, buckets, {.gradients = 0.006});
  EXPECT_NEAR(carried.wait, 15 * kMs + 6 * kMs, 1e-9);
  EXPECT_NEAR(carried.hidden, 20 * kMs - 6 * kMs, 1e-9);
  const StepTimes sharded = step_times(spans, buckets, {.weights = 0.007}, /*gathered_bytes=*/200);
  EXPECT_NEAR(sharded.wait, 15 * kMs + 7 * kMs, 1e-9);
  EXPECT_NEAR(sharded.compute, 60 * kMs + 10 * kMs - 7 * kMs, 1e-9);
  EXPECT_NEAR(sharded.hidden, 20 * kMs, 1e-9);
  EXPECT_EQ(sharded.bytes, 600);
}

TEST(StepTimesTest, AMeterGivesWhatCameSince) {
  InsideWaits so_far{.statistics = 1, .gradients = 10, .weights = 100};
  InsideWaitMeter meter([&] { return so_far; });
  meter.take();
  so_far = {.statistics = 3, .gradients = 14, .weights = 108};
  const InsideWaits since = meter.take();
  EXPECT_EQ(since.statistics, 2);
  EXPECT_EQ(since.gradients, 4);
  EXPECT_EQ(since.weights, 8);
  EXPECT_EQ(InsideWaitMeter(nullptr).take().statistics, 0);
}

}  // namespace
}  // namespace rensa::stragglers
