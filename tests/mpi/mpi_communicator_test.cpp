#include "comm/mpi/mpi_communicator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/communicators/create_communicator.h"
#include "comm/mpi/ring_all_reduce.h"
#include "tests/conformance/conformance.h"

namespace rensa {
namespace {

class MpiConformanceTest : public ::testing::TestWithParam<std::string> {};

TEST_P(MpiConformanceTest, DoesWhatEveryCommunicatorDoes) {
  if (!rensa::testing::suits(GetParam(), create_communicator("flat")->place())) {
    EXPECT_ANY_THROW(create_communicator(GetParam()));
    return;
  }
  const auto comm = create_communicator(GetParam());
  for (const rensa::testing::ConformanceCheck& check : rensa::testing::conformance_checks()) {
    SCOPED_TRACE(check.name);
    check.run(*comm);
  }
}

INSTANTIATE_TEST_SUITE_P(Names, MpiConformanceTest,
                         ::testing::Values("auto", "flat", "hierarchical", "two_dimensional", "single_node", "naive",
                                           "non_cuda_aware"),
                         [](const auto& each) { return each.param; });

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

TEST(RingAllReduceTest, EqualsTheReferenceForAnyLength) {
  const auto naive = create_communicator("naive");
  for (const std::int64_t count : {1, 2, 3, 17, 1000, 200003, 700001}) {
    Array ring = arange(count).to(Dtype::kFloat64), reference = empty({count}, Dtype::kFloat64);
    for (std::int64_t i = 0; i < count; ++i) ring.data<double>()[i] *= naive->rank() + 1;
    reference.copy_from(ring);
    mpi::ring_all_reduce(ring, Reduce::kSum, MPI_COMM_WORLD);
    naive->all_reduce(reference);
    EXPECT_EQ(to_vector<double>(ring), to_vector<double>(reference)) << count;
  }
}

TEST(MpiCommunicatorTest, KnowsItsNode) {
  const auto comm = create_communicator("flat");
  EXPECT_EQ(comm->inter_size(), 1);
  EXPECT_EQ(comm->intra_size(), comm->size());
  EXPECT_EQ(comm->intra_rank(), comm->rank());
}

}  // namespace
}  // namespace rensa
