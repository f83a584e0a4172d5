#include "tests/conformance/lifetimes.h"

#include <gtest/gtest.h>

#include "comm/communicators/create_communicator.h"
#include "comm/shm/thread_group.h"

namespace rensa {
namespace {

/// Four threads as ranks, on two nodes where the name stands for several.
void expect_no_leaks(const std::string& name, int cycles) {
  run_on_threads(4,
                 [&](Communicator& job) {
                   rensa::testing::expect_nothing_is_left(job, job.rank() == 0, cycles, [&] {
                     rensa::testing::use_everything(*compose_communicator(name, job.split(0, job.rank())));
                   });
                 },
                 {.ranks_per_node = name == "single_node" ? 4 : 2});
}

std::vector<std::string> names() {
  std::vector<std::string> all = communicator_names();
  std::erase(all, "self");       // is made of no other
  std::erase(all, "pure_nccl");  // wants GPUs: tests/comm/gpu
  return all;
}

class LifetimeTest : public ::testing::TestWithParam<std::string> {};
TEST_P(LifetimeTest, AHundredCommunicatorsLeaveNothing) { expect_no_leaks(GetParam(), 100); }
INSTANTIATE_TEST_SUITE_P(Threads, LifetimeTest, ::testing::ValuesIn(names()),
                         [](const auto& each) { return each.param; });

class LifetimeSlowTest : public ::testing::TestWithParam<std::string> {};
TEST_P(LifetimeSlowTest, AThousandCommunicatorsLeaveNothing) { expect_no_leaks(GetParam(), 1000); }
INSTANTIATE_TEST_SUITE_P(Threads, LifetimeSlowTest, ::testing::ValuesIn(names()),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace rensa
