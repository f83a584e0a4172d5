#include "comm/watchdog/watchdog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <fstream>
#include <future>
#include <limits>
#include <memory>
#include <thread>
#include <utility>

#include "comm/communicators/composed_communicator.h"
#include "comm/shm/thread_group.h"
#include "comm/watchdog/host.h"
#include "core/error.h"

namespace rensa {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using watchdog::Verdict;

/// A watchdog for a rank that is a thread: its verdict comes here instead of ending the process.
struct Watched {
  Watched(Communicator& comm, const watchdog::Limits& limits)
      : verdict(told.get_future()),
        dog(Watchdog::start(comm, {.limits = limits, .end = [this](const Verdict& v) { told.set_value(v); }})) {}
  std::string text() {
    if (verdict.wait_for(std::chrono::seconds(20)) != std::future_status::ready) return "no verdict";
    return verdict.get().text;
  }
  std::promise<Verdict> told;
  std::future<Verdict> verdict;
  std::shared_ptr<Watchdog> dog;
};

constexpr watchdog::Limits kPatient = {.heartbeat_s = 20, .call_s = 60};

TEST(WatchdogTest, LetsAJobEnd) {
  run_on_threads(4, [](Communicator& comm) {
    for (int i = 0; i < 5; ++i) {
      Watched watched(comm, kPatient);
      ASSERT_TRUE(watched.dog);
      comm.watch(Watch::first(watched.dog, true));
      comm.barrier();
      comm.split(0, comm.rank())->barrier();
      comm.watch(nullptr);
      watched.dog.reset();
      EXPECT_EQ(watched.verdict.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
    }
  });
}

TEST(WatchdogTest, TellsEveryRankWhoGaveUpAndWhy) {
  run_on_threads(4, [](Communicator& comm) {
    Watched watched(comm, kPatient);
    if (comm.rank() == 2) {
      EXPECT_TRUE(watched.dog->give_up("the disk is full", 5));
    }
    const std::string text = watched.text();
    EXPECT_THAT(text, AllOf(StartsWith("rensa: rank 2 of 4 on "), HasSubstr(": the disk is full")));
    comm.barrier();
  });
}

TEST(WatchdogTest, LeavesRanksAloneThatHaveDoneTheirWork) {
  run_on_threads(3, [](Communicator& comm) {
    Watched watched(comm, kPatient);
    if (comm.rank() != 1) watched.dog.reset();
    comm.barrier();
    if (comm.rank() != 1) return;
    EXPECT_FALSE(watched.dog->give_up("the disk is full", 5)) << "nobody is left to be told";
    EXPECT_EQ(watched.verdict.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  });
}

TEST(WatchdogTest, LivesOnAfterAnExceptionUntilTheNextOneStarts) {
  run_on_threads(2, [](Communicator& comm) {
    Watched watched(comm, kPatient);
    const std::weak_ptr<Watchdog> dog = watched.dog;
    try {
      const auto part = comm.split(0, comm.rank());
      part->watch(Watch::first(std::move(watched.dog), /*composed=*/true));
      throw ValueError("caught");
    } catch (const ValueError&) {
    }
    EXPECT_FALSE(dog.expired());
    comm.barrier();
    const Watched next(comm, kPatient);
    EXPECT_TRUE(dog.expired());
    comm.barrier();
  });
}

TEST(WatchdogTest, NamesTheRankThatMadeAnotherCall) {
  run_on_threads(3, [](Communicator& comm) {
    Watched watched(comm, kPatient);
    const auto part =
        comm.split(0, comm.rank());  // calls that are seen but, unlike the group's own, not compared there
    part->watch(Watch::first(watched.dog, true));
    if (comm.rank() == 1) {
      part->send(full({1}, 1), 0);
      EXPECT_THROW(part->all_reduce(full({3}, 1)), Error);
    } else {
      if (comm.rank() == 0) part->recv(empty({1}), 1);
      EXPECT_THROW(part->all_reduce(full({2}, 1)), Error);
    }
    EXPECT_THAT(watched.text(),
                HasSubstr(": call #1 on single_node: rank 1 called all_reduce of 3 float32 (12 B), while "
                          "ranks 0 and 2 called all_reduce of 2 float32"));
    comm.barrier();
  });
}

/// A flat communicator: its ranks' calls meet nowhere but in the watchdog.
class UncomparedCommunicator final : public ComposedCommunicator {
 public:
  explicit UncomparedCommunicator(std::unique_ptr<Communicator> whole) : ComposedCommunicator(std::move(whole)) {}
  std::string_view name() const override { return "flat"; }

 private:
  void do_all_reduce(const Array&, Reduce) override { whole().barrier(); }
  std::unique_ptr<Communicator> compose(std::unique_ptr<Communicator> whole) const override {
    return std::make_unique<UncomparedCommunicator>(std::move(whole));
  }
};

TEST(WatchdogTest, NamesTheRankThatReducesInAnotherWay) {
  run_on_threads(3, [](Communicator& comm) {
    Watched watched(comm, kPatient);
    UncomparedCommunicator flat(comm.split(0, comm.rank()));
    flat.watch(Watch::first(watched.dog, true));
    flat.all_reduce(full({2}, 1), comm.rank() == 2 ? Reduce::kSum : Reduce::kMean);
    EXPECT_THAT(watched.text(),
                HasSubstr(": call #1 on flat: rank 2 called all_reduce of 2 float32 (8 B), while ranks 0 "
                          "and 1 called all_reduce (mean) of 2 float32"));
    comm.barrier();
  });
}

TEST(WatchdogTest, NamesTheRankThatIsLate) {
  run_on_threads(3, [](Communicator& comm) {
    Watched watched(comm, {.heartbeat_s = 20, .call_s = 0.5});
    const auto part = comm.split(0, comm.rank());
    part->watch(Watch::first(watched.dog, true));
    part->barrier();
    if (comm.rank() == 2) {
      EXPECT_THAT(watched.text(),
                  AllOf(HasSubstr("rank 2 of 3 on "), HasSubstr("did not come to barrier #2 on single_node")));
      part->barrier();
    } else {
      part->barrier();
      EXPECT_THAT(watched.text(), HasSubstr("rank 2 of 3 on "));
    }
  });
}

TEST(WatchdogTest, RanksThatTheStationsHaveLeftKeepTheLimit) {
  std::promise<std::string> said;
  auto heard = said.get_future();
  run_on_threads(4, [&](Communicator& comm) {
    const auto pair = comm.split(comm.rank() / 2, comm.rank());
    auto dog = Watchdog::start(
        comm, {.limits = {.heartbeat_s = 10, .call_s = 0.5}, .end = [&, rank = comm.rank()](const Verdict& verdict) {
                 if (rank == 2) said.set_value(verdict.text);
               }});
    if (comm.rank() < 2) {  // the stations
      dog.reset();
    } else {
      pair->watch(Watch::first(dog, true));
      if (comm.rank() == 3) {
        const bool ended = heard.wait_for(std::chrono::seconds(20)) == std::future_status::ready;
        EXPECT_THAT(ended ? heard.get() : "no verdict",
                    AllOf(HasSubstr("rank 2 of 4 on "), HasSubstr(": barrier #1 on "),
                          HasSubstr("; of 1 of its 2 ranks nothing is known here")));
      }
      pair->barrier();
      pair->watch(nullptr);
    }
    comm.barrier();
  });
}

/// Takes part in what the ranks tell each other when a watchdog starts, and then its time, like a rank that tries
/// addresses which lead nowhere.
class SlowCommunicator final : public ComposedCommunicator {
 public:
  SlowCommunicator(std::unique_ptr<Communicator> whole, std::chrono::milliseconds pause)
      : ComposedCommunicator(std::move(whole)), pause_(pause) {}
  std::string_view name() const override { return "slow"; }

 private:
  std::string do_broadcast_bytes(std::string bytes, int root) override {
    std::string result = whole().broadcast_bytes(std::move(bytes), root);
    const int before_connecting = size() + 1;  // every rank's seat, and the token
    if (++calls_ == before_connecting) std::this_thread::sleep_for(pause_);
    return result;
  }
  std::unique_ptr<Communicator> compose(std::unique_ptr<Communicator> whole) const override {
    return std::make_unique<SlowCommunicator>(std::move(whole), pause_);
  }

  const std::chrono::milliseconds pause_;
  int calls_ = 0;
};

TEST(WatchdogTest, JudgesNobodyBeforeAllHaveReachedTheStations) {
  run_on_threads(3, [](Communicator& comm) {
    SlowCommunicator slow(comm.split(0, comm.rank()), std::chrono::milliseconds(comm.rank() == 2 ? 2600 : 0));
    Watched watched(slow, {.heartbeat_s = 1, .call_s = 60});
    ASSERT_TRUE(watched.dog);
    EXPECT_EQ(watched.verdict.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
    if (comm.rank() == 2) watched.dog->give_up("it has begun", 1);
    EXPECT_THAT(watched.text(), HasSubstr("it has begun")) << "from then on it judges";
    comm.barrier();
  });
}

TEST(WatchdogTest, ASilenceWithoutALimitTakesNoProcessor) {
  const auto used_s = [] {
    timespec used{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
  };
  run_on_threads(2, [&](Communicator& comm) {
    Watched watched(comm, {.heartbeat_s = std::numeric_limits<double>::infinity(), .call_s = 60});
    comm.barrier();
    const double before = used_s();
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    EXPECT_LT(used_s() - before, 0.1);
    comm.barrier();
  });
}

TEST(WatchdogTest, KillsAStoppedProcessOfThisHostOnly) {
  const pid_t child = fork();
  if (child == 0) {
    while (true) pause();
  }
  ASSERT_GT(child, 0);
  kill(child, SIGSTOP);
  watchdog::Seat seat = watchdog::own_seat(0, 0);
  seat.pid = child;
  const auto ends = [&] {
    for (int i = 0; i < 100; ++i) {
      if (waitpid(child, nullptr, WNOHANG) == child) return true;
      usleep(10000);
    }
    return false;
  };
  seat.born = 1;  // another process, which had this number before
  watchdog::kill_process(seat);
  usleep(50000);
  EXPECT_EQ(waitpid(child, nullptr, WNOHANG), 0);
  std::ifstream stat("/proc/" + std::to_string(child) + "/stat");
  std::string field;
  for (int i = 0; i < 22; ++i) stat >> field;
  seat.born = std::stoll(field);
  const std::string key = seat.host_key;
  seat.host_key = "elsewhere";
  watchdog::kill_process(seat);
  usleep(50000);
  EXPECT_EQ(waitpid(child, nullptr, WNOHANG), 0);
  seat.host_key = key;
  watchdog::kill_process(seat);
  EXPECT_TRUE(ends());
}

}  // namespace
}  // namespace rensa
