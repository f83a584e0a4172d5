#include "comm/communicators/communicator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <thread>

#include "comm/communicators/create_communicator.h"
#include "comm/communicators/naive_communicator.h"
#include "comm/self/self_communicator.h"
#include "comm/shm/thread_group.h"
#include "tests/support/communicator_behaviour.h"

namespace rensa {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class CommunicatorTest : public ::testing::TestWithParam<int> {};

TEST_P(CommunicatorTest, ThreadsDoEveryCollective) {
  run_on_threads(GetParam(), rensa::testing::expect_collectives_work);
}

TEST_P(CommunicatorTest, NaiveDoesEveryCollective) {
  run_on_threads(GetParam(), [](Communicator& comm) {
    NaiveCommunicator naive(comm.split(0, comm.rank()));
    rensa::testing::expect_collectives_work(naive);
  });
}

TEST_P(CommunicatorTest, RefusesBadCalls) { run_on_threads(GetParam(), rensa::testing::expect_bad_calls_are_refused); }

INSTANTIATE_TEST_SUITE_P(Ranks, CommunicatorTest, ::testing::Values(1, 2, 3, 4));

TEST(SelfCommunicatorTest, IsAnOrdinaryCase) {
  SelfCommunicator self;
  rensa::testing::expect_collectives_work(self);
}

TEST(ThreadCommunicatorTest, SumsInTheOrderOfRanks) {
  run_on_threads(3, [](Communicator& comm) {
    const std::vector<float> values = {1e8f, 1.0f, -1e8f};  // another order would give another sum
    Array x = full({1}, values[static_cast<std::size_t>(comm.rank())]);
    comm.all_reduce(x);
    EXPECT_EQ(x.item<float>(), (1e8f + 1.0f) - 1e8f);
  });
}

TEST(ThreadCommunicatorTest, ARankThatThrowsEndsTheOthersWaits) {
  EXPECT_THAT(
      [] {
        run_on_threads(3, [](Communicator& comm) {
          if (comm.rank() == 1) throw std::runtime_error("out of luck");
          try {
            comm.barrier();
          } catch (const CommError& e) {
            EXPECT_THAT(e.what(), HasSubstr("rank 1: out of luck"));
            throw;
          }
        });
      },
      ThrowsMessage<std::runtime_error>(HasSubstr("out of luck")));
}

TEST(ThreadCommunicatorTest, NamesCallsThatDiffer) {
  EXPECT_THAT([] { run_on_threads(2, [](Communicator& comm) { comm.all_reduce(zeros({comm.rank() + 4})); }); },
              ThrowsMessage<CommError>(
                  AllOf(HasSubstr("rank 0 called all_reduce of 4 "), HasSubstr("rank 1 called all_reduce of 5 "))));
  EXPECT_THAT(
      [] {
        run_on_threads(3, [](Communicator& comm) {
          comm.rank() == 1 ? comm.all_reduce(zeros({4})) : comm.broadcast(zeros({4}), 0);
        });
      },
      ThrowsMessage<CommError>(
          HasSubstr("rank 1 called all_reduce of 4 float32 (16 B), while ranks 0 and 2 called broadcast")));
}

TEST(ThreadCommunicatorTest, ALateRankIsNamedWhenPatienceEnds) {
  EXPECT_THAT(
      [] {
        run_on_threads(2,
                       [](Communicator& comm) {
                         if (comm.rank() == 0) return comm.all_reduce(zeros({4}));
                         std::this_thread::sleep_for(std::chrono::seconds(1));
                       },
                       {.timeout_s = 0.2});
      },
      ThrowsMessage<CommError>(AllOf(HasSubstr("all_reduce of 4 float32 (16 B) has waited 0.2 s for rank 1"))));
}

TEST(ThreadCommunicatorTest, AddsHalfPrecisionInFloat32) {
  run_on_threads(4, [](Communicator& comm) {
    Array x = full({40}, comm.rank() == 0 ? 2048 : 1, Dtype::kFloat16);  // 2048 + 1 is 2048 in float16
    comm.all_reduce(x);
    EXPECT_THAT(to_vector<float>(x), Each(2052.0f));  // 2051, to even
  });
}

TEST(CreateCommunicatorTest, ListsTheNamesForAnUnknownOne) {
  EXPECT_THAT([] { create_communicator("flatt"); },
              ThrowsMessage<ValueError>(AllOf(HasSubstr("\"flatt\""), HasSubstr("flat, hierarchical"))));
  EXPECT_EQ(create_communicator("self")->size(), 1);
}

}  // namespace
}  // namespace rensa
