#include "comm/mpi/mpi_communicator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "comm/communicators/create_communicator.h"
#include "comm/launcher.h"
#include "comm/mpi/ring_all_reduce.h"
#include "core/error.h"
#include "tests/conformance/conformance.h"

namespace rensa {
namespace {

using Question = std::tuple<std::string, std::size_t>;  ///< a communicator's name and the number of a check

class MpiConformanceTest : public ::testing::TestWithParam<Question> {};

/// One communicator for all checks of a name: what one check leaves behind, the next finds. Null if it does not suit
/// the cluster.
Communicator* communicator_called(const std::string& name) {
  static std::string made;
  static std::unique_ptr<Communicator> comm;
  if (made == name) return comm.get();
  made = name;
  comm.reset();
  if (rensa::testing::suits(name, create_communicator("flat")->place())) comm = create_communicator(name);
  return comm.get();
}

TEST_P(MpiConformanceTest, DoesWhatEveryCommunicatorDoes) {
  const auto& [name, check] = GetParam();
  if (Communicator* const comm = communicator_called(name)) {
    rensa::testing::conformance_checks()[check].run(*comm);
  } else {
    EXPECT_ANY_THROW(create_communicator(name));
    GTEST_SKIP() << "a cluster that does not suit it";
  }
}

INSTANTIATE_TEST_SUITE_P(All, MpiConformanceTest,
                         ::testing::Combine(::testing::ValuesIn(rensa::testing::conforming_names()),
                                            ::testing::Range(std::size_t{0},
                                                             rensa::testing::conformance_checks().size())),
                         [](const auto& each) {
                           return std::get<0>(each.param) + "_" +
                                  rensa::testing::conformance_checks()[std::get<1>(each.param)].name;
                         });

TEST(ShmConformanceTest, StagesWhatItMayNotRead) {
  if (!rensa::testing::suits("single_node", create_communicator("flat")->place())) GTEST_SKIP() << "several nodes";
  setenv("RENSA_PEER_MEMORY", "off", 1);
  const auto comm = create_communicator("single_node");
  unsetenv("RENSA_PEER_MEMORY");
  for (const rensa::testing::ConformanceCheck& check : rensa::testing::array_checks()) {
    SCOPED_TRACE(check.name);
    check.run(*comm);
  }
}

TEST(MpiCommunicatorTest, AutoFindsTheJobOfMpirun) {
  int size = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  EXPECT_EQ(create_communicator()->size(), size);
}

TEST(MpiCommunicatorTest, LeavesTheProgramsCommunicatorAsItWas) {
  int rank = 0, size = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  MPI_Comm mine = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, 0, -rank, &mine);  // ranks in reverse
  MPI_Errhandler before = MPI_ERRHANDLER_NULL, after = MPI_ERRHANDLER_NULL;
  MPI_Comm_get_errhandler(mine, &before);
  {
    const auto comm = create_communicator({.mpi_comm = &mine});
    EXPECT_EQ(comm->rank(), size - 1 - rank);
    Array x = ones({3});
    comm->all_reduce(x);
    EXPECT_EQ(to_vector<float>(x)[0], static_cast<float>(size));
  }
  MPI_Comm_get_errhandler(mine, &after);
  EXPECT_EQ(before, after);
  int sum = 0;
  MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, mine);
  EXPECT_EQ(sum, size * (size - 1) / 2);
  MPI_Comm_free(&mine);
}

TEST(MpiCommunicatorTest, TakesNoArrayForBytesNorBytesForAnArray) {
  const auto comm = create_communicator("flat");
  if (comm->size() == 1) GTEST_SKIP() << "messages between two ranks";
  if (comm->rank() == 0) {
    comm->send(zeros({10}), 1);
    comm->send_bytes("words", 1);
    comm->send_bytes("the next", 1);
  } else if (comm->rank() == 1) {
    EXPECT_THROW(comm->recv_bytes(0), CommError);
    EXPECT_THROW(comm->recv(zeros({5}, Dtype::kUInt8), 0), CommError);
    EXPECT_EQ(comm->recv_bytes(0).bytes, "the next");
  }
  comm->barrier();
}

TEST(MpiCommunicatorTest, TakesTheProgramsCommunicatorOrItsAddress) {
  MPI_Comm mine = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &mine);
  const MPI_Comm& constant = mine;
  int size = 0;
  MPI_Comm_size(mine, &size);
  EXPECT_EQ(create_communicator({.mpi_comm = mine})->size(), size);
  EXPECT_EQ(create_communicator({.mpi_comm = &constant})->size(), size);
  EXPECT_EQ(create_communicator("flat", {.mpi_comm = &mine})->size(), size);
  EXPECT_EQ(create_communicator("flat", {.mpi_comm = MPI_COMM_WORLD})->size(), size);
  EXPECT_THROW(create_communicator({.mpi_comm = MPI_COMM_NULL}), ValueError);
  MPI_Comm_free(&mine);
}

/// exit() of a child, which is no rank, must not wait for the ranks.
TEST(MpiCommunicatorTest, AChildProcessLeavesMpiAlone) {
  const auto comm = create_communicator("flat");
  if (comm->rank() == 0) {
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child == 0) {
      alarm(10);  // ends it should it hang
      std::exit(0);
    }
    EXPECT_GT(child, 0);
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status);
  }
  comm->barrier();
}

TEST(MpiCommunicatorTest, AChildProcessLeavesStartedMessagesAlone) {
  auto comm = create_communicator("flat");
  if (comm->size() == 1) GTEST_SKIP() << "messages between two ranks";
  const Array x = zeros({10});
  const Work never = comm->start_recv(x, (comm->rank() + 1) % comm->size(), 8);
  if (comm->rank() == 0) {
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child == 0) {
      alarm(10);
      comm.reset();
      std::_Exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status);
  }
  comm->barrier();
  comm.reset();
  EXPECT_THROW(never.wait(), CommError);
}

/// MPI_Finalize, at the end of the program, meets a receive that still asks.
TEST(MpiCommunicatorTest, MpiMayEndBeforeAStartedReceive) {
  MPI_Comm mine = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &mine);
  static MpiCommunicator& stays = *new MpiCommunicator(mine);
  if (stays.size() == 1) GTEST_SKIP() << "messages between two ranks";
  EXPECT_FALSE(stays.start_recv(zeros({10}), (stays.rank() + 1) % stays.size()).test());
}

/// Each message has a number, which MPI's tags hold: a small one that nobody asks for yet keeps its own.
TEST(MpiCommunicatorTest, AMessageThatWaitsIsNotTakenForALaterOne) {
  const auto comm = create_communicator("flat");
  if (comm->size() == 1) GTEST_SKIP() << "messages between two ranks";
  constexpr std::int64_t kLater = 40000, kEarly = -1;
  const Array x = full({1}, kEarly, Dtype::kInt64);
  if (comm->rank() == 0) {
    comm->send(x, 1, 9);
    for (std::int64_t i = 0; i < kLater; ++i) {
      x.fill(static_cast<double>(i));
      comm->send(x, 1);
    }
  } else if (comm->rank() == 1) {
    std::int64_t wrong = 0;
    for (std::int64_t i = 0; i < kLater; ++i) {
      comm->recv(x, 0);
      wrong += x.item<std::int64_t>() == i ? 0 : 1;
    }
    EXPECT_EQ(wrong, 0);
    comm->recv(x, 0, 9);
    EXPECT_EQ(x.item<std::int64_t>(), kEarly);
  }
  comm->barrier();
}

TEST(RingAllReduceTest, EqualsTheReferenceForAnyLength) {
  const auto naive = create_communicator("naive");
  if (naive->size() == 1) GTEST_SKIP() << "a ring of two ranks and more";
  for (const std::int64_t count : {1, 2, 3, 17, 1000, 200003, 700001}) {
    Array ring = arange(count).to(Dtype::kFloat64), reference = empty({count}, Dtype::kFloat64);
    for (std::int64_t i = 0; i < count; ++i) ring.data<double>()[i] *= naive->rank() + 1;
    reference.copy_from(ring);
    mpi::ring_all_reduce(ring, Reduce::kSum, MPI_COMM_WORLD);
    naive->all_reduce(reference);
    EXPECT_EQ(to_vector<double>(ring), to_vector<double>(reference)) << count;
  }
}

/// Ranks derived from MPI against those that the launcher gave them.
TEST(MpiCommunicatorTest, IsWhereItsLauncherPutIt) {
  const Launcher launcher = detect_launcher();
  const auto comm = create_communicator("flat");
  ASSERT_TRUE(launcher.started_ranks());
  EXPECT_EQ(comm->rank(), launcher.rank);
  EXPECT_EQ(comm->size(), launcher.size);
  EXPECT_EQ(comm->intra_rank(), launcher.local_rank);
  if (launcher.local_size >= 0) {
    EXPECT_EQ(comm->intra_size(), launcher.local_size);
  }
}

}  // namespace
}  // namespace rensa
