#include "tests/conformance/lifetimes.h"

#include <gtest/gtest.h>

#include "comm/communicators/create_communicator.h"
#include "tests/conformance/conformance.h"
#include "tests/mpi/communicator_count.h"

namespace rensa {
namespace {

void expect_no_leaks(const std::string& name, int cycles) {
  const auto job = create_communicator("flat");
  if (name != "dummy" && !rensa::testing::suits(name, job->place())) GTEST_SKIP() << "a cluster that does not suit it";
  const int before = rensa::testing::living_mpi_communicators();
  ASSERT_GT(before, 0) << "nothing is counted";
  rensa::testing::expect_nothing_is_left(*job, /*looks=*/true, cycles,
                                         [&] { rensa::testing::use_everything(*create_communicator(name)); });
  EXPECT_EQ(rensa::testing::living_mpi_communicators(), before);
}

std::vector<std::string> names() {
  std::vector<std::string> all = communicator_names();
  std::erase(all, "self");       // is made without MPI
  std::erase(all, "pure_nccl");  // wants GPUs: nccl_gpu_test.cpp
  return all;
}

class MpiLifetimeTest : public ::testing::TestWithParam<std::string> {};
TEST_P(MpiLifetimeTest, CommunicatorsLeaveNothing) { expect_no_leaks(GetParam(), 30); }
INSTANTIATE_TEST_SUITE_P(All, MpiLifetimeTest, ::testing::ValuesIn(names()),
                         [](const auto& each) { return each.param; });

class MpiLifetimeSlowTest : public ::testing::TestWithParam<std::string> {};
TEST_P(MpiLifetimeSlowTest, AThousandCommunicatorsLeaveNothing) { expect_no_leaks(GetParam(), 1000); }
INSTANTIATE_TEST_SUITE_P(All, MpiLifetimeSlowTest, ::testing::ValuesIn(names()),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace rensa
