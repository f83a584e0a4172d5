#include "comm/communicators/communicator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "comm/communicators/create_communicator.h"
#include "comm/communicators/naive_communicator.h"
#include "comm/self/self_communicator.h"
#include "comm/shm/thread_communicator.h"
#include "tests/support/communicator_behaviour.h"

namespace rensa {
namespace {

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
  EXPECT_THAT(
      [] {
        run_on_threads(2, [](Communicator& comm) { comm.all_reduce(zeros({comm.rank() + 4})); });
      },
      ThrowsMessage<CommError>(AllOf(HasSubstr("all_reduce with 4"), HasSubstr("all_reduce with 5"))));
  EXPECT_THROW(run_on_threads(2,
                              [](Communicator& comm) {
                                comm.rank() == 0 ? comm.all_reduce(zeros({4})) : comm.broadcast(zeros({4}), 0);
                              }),
               CommError);
}

TEST(ThreadCommunicatorTest, CannotReduceHalfPrecisionYet) {
  EXPECT_THROW(run_on_threads(2, [](Communicator& comm) { comm.all_reduce(zeros({4}, Dtype::kFloat16)); }), DtypeError);
}

TEST(CreateCommunicatorTest, ListsTheNamesForAnUnknownOne) {
  EXPECT_THAT([] { create_communicator("flatt"); },
              ThrowsMessage<ValueError>(AllOf(HasSubstr("\"flatt\""), HasSubstr("flat, naive"))));
  EXPECT_EQ(create_communicator("self")->size(), 1);
}

}  // namespace
}  // namespace rensa
