#include "comm/started_messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <limits>
#include <stdexcept>
#include <thread>
#include <vector>

#include "comm/communicators/communicator.h"
#include "comm/shm/thread_group.h"
#include "core/error.h"

namespace rensa {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr std::chrono::seconds kLong(60);

/// A message that ends when it is told to.
struct Planned final : MessageUnderWay {
  std::atomic<bool> done = false, matched = true, idle = true, cancelled = false;
  std::atomic<int> looks = 0;
  bool advance() override {
    ++looks;
    return done;
  }
  bool is_matched() const override { return matched; }
  bool is_idle() const override { return idle; }
  void cancel() override { cancelled = true; }
};

/// The same for one that its owner destroys.
struct Watched final : MessageUnderWay {
  explicit Watched(Planned& followed) : plan(followed) {}
  bool advance() override { return plan.advance(); }
  bool is_matched() const override { return plan.is_matched(); }
  bool is_idle() const override { return plan.is_idle(); }
  void cancel() override { plan.cancel(); }
  Planned& plan;
};

TEST(StartedMessagesTest, GoOnByThemselvesUntilTheyAreDone) {
  Planned plan;
  StartedMessages messages("rank 0 of 2", 60);
  const Work work = messages.send(zeros({2}), 1, 0, std::make_unique<Watched>(plan));
  EXPECT_GE(plan.looks, 1) << "the first step is made at once";
  EXPECT_FALSE(work.wait_for(std::chrono::milliseconds(5)));
  plan.done = true;
  EXPECT_TRUE(work.wait_for(kLong));
  work.wait();
}

TEST(StartedMessagesTest, AReceiveWithoutAMessageIsGivenUpAtTheEnd) {
  Planned plan;
  plan.matched = false;
  Work work;
  {
    StartedMessages messages("rank 0 of 2", 60);
    work = messages.recv(zeros({2}), 1, kAnyTag, [&](const Array&) { return std::make_unique<Watched>(plan); });
  }
  EXPECT_TRUE(plan.cancelled);
  EXPECT_THAT([&] { work.wait(); },
              ThrowsMessage<CommError>(AllOf(HasSubstr("rank 0 of 2: the communicator has gone"),
                                             HasSubstr("start_recv from rank 1 with any tag was given up"))));
}

TEST(StartedMessagesTest, TheEndWaitsForASend) {
  Planned plan;
  std::jthread ends([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    plan.done = true;
  });
  Work work;
  {
    StartedMessages messages("rank 0 of 2", 60);
    work = messages.send(zeros({2}), 1, 0, std::make_unique<Watched>(plan));
  }
  EXPECT_TRUE(plan.done);
  EXPECT_TRUE(work.test());
  work.wait();
}

/// What MPI may still read is not given back.
TEST(StartedMessagesTest, AnExceptionDoesNotWaitForASend) {
  Planned plan;
  plan.idle = false;
  auto* const message = new Watched(plan);
  Work work;
  try {
    StartedMessages messages("rank 0 of 2", 600);
    work = messages.send(zeros({2}), 1, 4, std::unique_ptr<MessageUnderWay>(message));
    throw std::runtime_error("on its way");
  } catch (const std::runtime_error&) {
  }
  EXPECT_THAT([&] { work.wait(); },
              ThrowsMessage<CommError>(HasSubstr("start_send to rank 1 with tag 4 had not come to its end")));
  delete message;
}

/// Whoever owns the memory of an array may do anything when it goes.
TEST(StartedMessagesTest, AnArrayThatGoesMayStartAMessage) {
  Planned first, second;
  second.done = true;
  StartedMessages messages("rank 0 of 2", 60);
  float memory[4] = {};
  std::atomic<bool> started = false;
  Work work = messages.recv(Array::wrap(memory, {4}, Dtype::kFloat32, {},
                                        [&] {
                                          messages.send(zeros({2}), 1, 0, std::make_unique<Watched>(second)).wait();
                                          started = true;
                                        }),
                            1, 0, [&](const Array&) { return std::make_unique<Watched>(first); });
  first.done = true;
  EXPECT_TRUE(work.wait_for(kLong));
  for (int i = 0; i < 6000 && !started; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_TRUE(started);
}

TEST(StartedMessagesTest, AWaitEndsAtTheLimit) {
  EXPECT_THAT(
      [] {
        run_on_threads(2,
                       [](Communicator& comm) {
                         if (comm.rank() == 0) comm.start_recv(zeros({2}), 1, 3).wait();
                       },
                       {.timeout_s = 0.1});
      },
      ThrowsMessage<CommError>(
          AllOf(HasSubstr("rank 0 of 2: start_recv from rank 1 with tag 3 is not done after 0.1 s"),
                HasSubstr("comm_timeout"))));
}

TEST(StartedMessagesTest, ALimitMayBeInfinite) {
  run_on_threads(2,
                 [](Communicator& comm) {
                   const Array x = zeros({2});
                   if (comm.rank() == 0) comm.start_recv(x, 1).wait();
                   if (comm.rank() == 1) {
                     std::this_thread::sleep_for(std::chrono::milliseconds(20));
                     comm.send(ones({2}), 0);
                   }
                   if (comm.rank() == 0) {
                     EXPECT_EQ(to_vector<float>(x)[1], 1.0f);
                   }
                 },
                 {.timeout_s = std::numeric_limits<double>::infinity()});
}

TEST(StartedMessagesTest, AnotherRanksFailureEndsAWait) {
  EXPECT_THAT(
      [] {
        run_on_threads(2, [](Communicator& comm) {
          if (comm.rank() == 1) throw std::runtime_error("it was this one");
          EXPECT_THAT([&] { comm.start_recv(zeros({2}), 1).wait(); },
                      ThrowsMessage<CommError>(HasSubstr("rank 1: it was this one")));
        });
      },
      ThrowsMessage<std::runtime_error>(HasSubstr("it was this one")));
}

/// A rank that waits says for whom, as in a recv().
TEST(StartedMessagesTest, AWaitIsACallInTheLog) {
  std::atomic<const CallLog*> log = nullptr;
  run_on_threads(2, [&](Communicator& comm) {
    if (comm.rank() == 0) {
      const Work work = comm.start_recv(zeros({2}), 1, 3);
      EXPECT_FALSE(comm.calls().state().running);
      log = &comm.calls();
      work.wait();
      comm.recv_bytes(1);  // the log lives until rank 1 has looked
      return;
    }
    while (!log || !log.load()->state().running) std::this_thread::yield();
    const CallLog::State state = log.load()->state();
    EXPECT_STREQ(state.last.name.data(), "start_recv");
    EXPECT_EQ(state.last.root, 1);
    EXPECT_FALSE(state.last.collective);
    comm.send(zeros({2}), 0, 3);
    comm.send_bytes("", 0);
  });
}

}  // namespace
}  // namespace rensa
