#include "tests/conformance/large_counts.h"

#include <gtest/gtest.h>

#include "comm/communicators/create_communicator.h"
#include "core/device/allocator.h"

namespace rensa {
namespace {

using Question = std::tuple<std::string, std::size_t>;  ///< a communicator's name and the number of a check

class MpiLargeCountsSlowTest : public ::testing::TestWithParam<Question> {};

TEST_P(MpiLargeCountsSlowTest, RanksMoveMoreThanTwoToThe31Elements) {
  const auto& [name, check] = GetParam();
  const auto comm = create_communicator(name);
  if (!rensa::testing::has_memory_for_large_counts(*comm)) GTEST_SKIP() << "needs 16 GiB of free memory";
  rensa::testing::large_count_checks()[check].run(*comm);
  allocator(Device{}).trim();
}

INSTANTIATE_TEST_SUITE_P(All, MpiLargeCountsSlowTest,
                         ::testing::Combine(::testing::Values("flat", "auto"),
                                            ::testing::Range(std::size_t{0},
                                                             rensa::testing::large_count_checks().size())),
                         [](const auto& each) {
                           return std::get<0>(each.param) + "_" +
                                  rensa::testing::large_count_checks()[std::get<1>(each.param)].name;
                         });

}  // namespace
}  // namespace rensa
