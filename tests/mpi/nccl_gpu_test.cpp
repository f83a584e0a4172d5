#include <gtest/gtest.h>

#include <cstdlib>

#include "comm/communicators/create_communicator.h"
#include "comm/gpu/nccl_api.h"
#include "core/device/gpu/driver.h"
#include "core/error.h"
#include "tests/comm/gpu/on_gpus_communicator.h"
#include "tests/conformance/conformance.h"
#include "tests/conformance/lifetimes.h"

// NCCL itself between processes. Several on one GPU want NCCL 2.30 and NCCL_MULTI_RANK_GPU_ENABLE=1: ctest -L gpu

namespace rensa {
namespace {

constexpr int kSharedGpus = 23000;

/// Why these processes cannot be asked; the same on every rank.
std::string obstacle(Communicator& comm) {
  const gpu::Availability gpus = gpu::availability();
  const nccl::Availability library = nccl::availability();
  const char* const shared = std::getenv("NCCL_MULTI_RANK_GPU_ENABLE");
  std::string mine;
  if (gpus.devices == 0) {
    mine = "no GPU: " + gpus.description;
  } else if (library.version == 0) {
    mine = "no NCCL: " + library.description;
  } else if (gpus.devices < comm.intra_size() &&
             !(shared && std::string(shared) == "1" && library.version >= kSharedGpus)) {
    mine = detail::join(comm.intra_size(), " ranks and ", gpus.devices,
                        " GPUs want NCCL 2.30 and NCCL_MULTI_RANK_GPU_ENABLE=1, found ", library.description);
  }
  for (const std::string& each : comm.all_gather_bytes(mine)) {
    if (!each.empty()) return each;
  }
  return {};
}

class MpiNcclGpuTest : public ::testing::TestWithParam<std::tuple<std::string, std::size_t>> {
 protected:
  static void SetUpTestSuite() {
    const auto comm = create_communicator("flat");
    obstacle_ = obstacle(*comm);
    if (const char* const ranks =
            std::getenv("RENSA_TEST_RANKS_PER_HOST")) {  // NCCL then goes through the network between them
      setenv("NCCL_HOSTID", detail::join("host", comm->rank() / std::atoi(ranks)).c_str(), 1);
    }
    device_ = {DeviceKind::kCuda, obstacle_.empty() ? comm->intra_rank() % gpu::availability().devices : 0};
  }
  static inline std::string obstacle_;
  static inline Device device_;
};

TEST_P(MpiNcclGpuTest, DoesWhatEveryCommunicatorDoes) {
  if (!obstacle_.empty()) GTEST_SKIP() << obstacle_;
  const auto& [name, check] = GetParam();
  if (!rensa::testing::conformance_checks()[check].nccl_does_it) GTEST_SKIP() << "NCCL does it in another way";
  if (name != "pure_nccl" && !rensa::testing::suits(name, create_communicator("flat")->place())) {
    GTEST_SKIP() << "a cluster that does not suit it";
  }
  rensa::testing::OnGpusCommunicator comm(create_communicator(name), device_);
  rensa::testing::conformance_checks()[check].run(comm);
}

std::vector<std::string> names() {
  std::vector<std::string> all = rensa::testing::conforming_names();
  all.emplace_back("pure_nccl");
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, MpiNcclGpuTest,
                         ::testing::Combine(::testing::ValuesIn(names()),
                                            ::testing::ValuesIn(rensa::testing::conformance_checks_for_gpus())),
                         [](const auto& each) {
                           return std::get<0>(each.param) + "_" +
                                  rensa::testing::conformance_checks()[std::get<1>(each.param)].name;
                         });

class MpiNcclLifetimeGpuTest : public ::testing::Test {};

TEST_F(MpiNcclLifetimeGpuTest, CommunicatorsLeaveNothing) {
  const auto job = create_communicator("flat");
  const std::string why_not = obstacle(*job);
  if (!why_not.empty()) GTEST_SKIP() << why_not;
  const Device device{DeviceKind::kCuda, job->intra_rank() % gpu::availability().devices};
  rensa::testing::expect_nothing_is_left(*job, /*looks=*/true, 20, [&] {
    rensa::testing::OnGpusCommunicator comm(create_communicator("pure_nccl"), device);
    rensa::testing::use_everything(comm);
  });
}

}  // namespace
}  // namespace rensa
