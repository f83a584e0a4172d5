#include <gtest/gtest.h>

#include "comm/communicators/create_communicator.h"
#include "comm/gpu/nccl_api.h"
#include "comm/shm/thread_group.h"
#include "core/device/gpu/driver.h"
#include "core/error.h"
#include "tests/comm/gpu/on_gpus_communicator.h"
#include "tests/conformance/conformance.h"

// The library itself, with threads as ranks: wants a GPU for each. Ranks that share one are processes (tests/mpi).

namespace rensa {
namespace {

using Question =
    std::tuple<int, std::string, std::size_t>;  ///< ranks, a communicator's name, and the number of a check

class NcclConformanceGpuTest : public ::testing::TestWithParam<Question> {};

TEST_P(NcclConformanceGpuTest, DoesWhatEveryCommunicatorDoes) {
  const auto& [ranks, name, check] = GetParam();
  const gpu::Availability gpus = gpu::availability();
  if (gpus.devices < ranks)
    GTEST_SKIP() << "wants " << ranks << " GPUs, found " << gpus.devices << " (" << gpus.description << ")";
  if (nccl::availability().version == 0) GTEST_SKIP() << "no NCCL: " << nccl::availability().description;
  if (!rensa::testing::conformance_checks()[check].nccl_does_it) GTEST_SKIP() << "NCCL does it in another way";
  run_on_threads(ranks,
                 [number = check, &called = name](Communicator& threads) {
                   rensa::testing::OnGpusCommunicator comm(
                       compose_communicator(called, threads.split(0, threads.rank()), /*deterministic=*/true),
                       Device{DeviceKind::kCuda, threads.rank()});
                   rensa::testing::conformance_checks()[number].run(comm);
                 },
                 {.timeout_s = 60});
}

std::vector<std::string> names() {
  std::vector<std::string> all = rensa::testing::conforming_names();
  all.emplace_back("pure_nccl");
  return all;
}

std::string name_of(const ::testing::TestParamInfo<Question>& each) {
  const auto& [ranks, name, check] = each.param;
  return detail::join(name, "_", ranks, "_", rensa::testing::conformance_checks()[check].name);
}

INSTANTIATE_TEST_SUITE_P(Threads, NcclConformanceGpuTest,
                         ::testing::Combine(::testing::Values(2, 4), ::testing::ValuesIn(names()),
                                            ::testing::ValuesIn(rensa::testing::conformance_checks_for_gpus())),
                         name_of);

}  // namespace
}  // namespace rensa
