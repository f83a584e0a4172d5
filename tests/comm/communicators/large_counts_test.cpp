#include "tests/conformance/large_counts.h"

#include <gtest/gtest.h>

#include "comm/shm/thread_group.h"
#include "core/device/allocator.h"

namespace rensa {
namespace {

class LargeCountsSlowTest : public ::testing::TestWithParam<std::size_t> {};

TEST_P(LargeCountsSlowTest, ThreadsMoveMoreThanTwoToThe31Elements) {
  bool fits = true;
  run_on_threads(2, [&](Communicator& comm) {
    const bool enough = rensa::testing::has_memory_for_large_counts(comm);
    if (comm.rank() == 0) fits = enough;
    if (enough) rensa::testing::large_count_checks()[GetParam()].run(comm);
  });
  allocator(Device{}).trim();
  if (!fits) GTEST_SKIP() << "needs 16 GiB of free memory";
}

INSTANTIATE_TEST_SUITE_P(Threads, LargeCountsSlowTest,
                         ::testing::Range(std::size_t{0}, rensa::testing::large_count_checks().size()),
                         [](const auto& each) { return rensa::testing::large_count_checks()[each.param].name; });

}  // namespace
}  // namespace rensa
