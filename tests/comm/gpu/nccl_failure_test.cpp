#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <thread>

#include "comm/gpu/nccl_connection.h"
#include "comm/shm/thread_group.h"
#include "comm/watchdog/watchdog.h"
#include "core/error.h"
#include "tests/comm/gpu/nccl_ranks.h"

namespace rensa::testing {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

TEST(NcclFailureTest, ACallThatDoesNotEndIsAbortedAndNamed) {
  SimulatedGpus gpus(2);
  NcclScope nccl;
  nccl->shared().faults.hangs = [](int rank, std::uint64_t call) { return rank == 1 && call == 2; };
  EXPECT_THAT(
      [&] {
        run_on_threads(2,
                       [&](Communicator& threads) {
                         const auto comm = make("pure_nccl", threads);
                         const Array x = ones({10}, Dtype::kFloat32, gpu_of(*comm));
                         comm->all_reduce(x);
                         comm->all_reduce(x);
                         gpu::current_stream(x.device()).synchronize();  // ends: what waits on the device is aborted
                         comm->all_reduce(x);
                       },
                       {.timeout_s = 1.5});
      },
      ThrowsMessage<CommError>(AllOf(HasSubstr("of 2 on "),
                                     HasSubstr("all_reduce #2 of 10 float32 (40 B) has waited 1.5 s"),
                                     HasSubstr("comm_timeout"))));
  EXPECT_EQ(nccl->record().aborted, 2);
  EXPECT_EQ(nccl->record().finalized, 0);
}

TEST(NcclFailureTest, AnErrorThatNcclReportsLaterEndsTheWait) {
  SimulatedGpus gpus(2);
  NcclScope nccl;
  nccl->shared().faults.hangs = [](int, std::uint64_t call) { return call == 2; };
  nccl->shared().faults.error = [](int rank, std::uint64_t launched) {
    return rank == 0 && launched >= 2 ? nccl::Result::kRemoteError : nccl::Result::kSuccess;
  };
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THAT(
      [&] {
        run_on_threads(2, [&](Communicator& threads) {
          const auto comm = make("pure_nccl", threads);
          const Array x = ones({10}, Dtype::kFloat32, gpu_of(*comm));
          comm->all_reduce(x);
          comm->all_reduce(x);
          if (comm->rank() == 1) threads.barrier();  // until the other rank has failed
          while (true) {
            gpu::current_stream(x.device()).synchronize();
            comm->broadcast(x, 0);
          }
        });
      },
      ThrowsMessage<CommError>(AllOf(HasSubstr("rank 0 of 2"), HasSubstr("remote error"))));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
}

TEST(NcclFailureTest, ARankThatDoesNotJoinEndsTheWaitOfTheOthers) {
  SimulatedGpus gpus(2);
  NcclScope nccl;
  nccl->shared().faults.stays_away = [](int rank) { return rank == 1; };
  EXPECT_THAT(
      [&] {
        run_on_threads(2,
                       [&](Communicator& threads) {
                         make("pure_nccl", threads)->all_reduce(ones({10}, Dtype::kFloat32, gpu_of(threads)));
                       },
                       {.timeout_s = 1.5});
      },
      ThrowsMessage<CommError>(HasSubstr("NCCL has waited 1.5 s for all ranks to join")));
}

/// The monitor's thread and the destructor ask about events: neither may end the process.
TEST(NcclFailureTest, AnErrorOfTheDeviceEndsTheConnectionAlone) {
  SimulatedGpus gpus(1);
  NcclScope nccl;
  nccl->shared().faults.hangs = [](int, std::uint64_t) { return true; };
  const Device device{DeviceKind::kCuda, 0};
  const auto with_a_call_in_flight = [&](const std::function<void(const nccl::Connection&)>& act,
                                         const std::function<void(const std::string&)>& on_failure) {
    nccl::Connection connection(nccl::api().make_unique_id(), 0, 1, device,
                                {.who = "rank 0 of 1", .on_failure = on_failure});
    connection.wait_until_ready();
    connection.launch(Call("all_reduce", 10, Dtype::kFloat32), gpu::current_stream(device),
                      [](nccl::Endpoint& endpoint, gpu::StreamHandle stream) {
                        return endpoint.all_reduce(nullptr, nullptr, 10, Dtype::kFloat32, Reduce::kSum, stream);
                      });
    gpus.driver().fail_events(true);
    act(connection);
  };
  std::promise<std::string> told;
  with_a_call_in_flight(
      [&](const nccl::Connection& connection) {
        EXPECT_THAT(told.get_future().get(), HasSubstr("illegal memory access"));
        EXPECT_THAT([&] { connection.check(); },
                    ThrowsMessage<CommError>(AllOf(HasSubstr("rank 0 of 1"), HasSubstr("illegal memory access"))));
      },
      [&](const std::string& reason) { told.set_value(reason); });
  gpus.driver().fail_events(false);
  with_a_call_in_flight([](const nccl::Connection&) {}, {});  // the destructor is the first to ask, or the monitor
  gpus.driver().fail_events(false);
  EXPECT_EQ(nccl->record().aborted, 2);
}

TEST(NcclFailureTest, CallsThatDifferAreAnError) {
  SimulatedGpus gpus(2);
  NcclScope nccl;
  EXPECT_THAT(
      [&] {
        run_on_threads(2, [&](Communicator& threads) {
          const auto comm = make("pure_nccl", threads);
          comm->all_reduce(ones({10}, Dtype::kFloat32, gpu_of(*comm)));
          const Array x = ones({10 + comm->rank()}, Dtype::kFloat32, gpu_of(*comm));
          comm->all_reduce(x);
          gpu::current_stream(x.device()).synchronize();
          comm->all_reduce(x);
        });
      },
      ThrowsMessage<CommError>(HasSubstr("ranks made different calls")));
}

TEST(NcclFailureTest, TheWatchdogNamesTheRankThatDidNotCome) {
  SimulatedGpus gpus(3);
  NcclScope nccl;
  std::promise<std::string> text;
  std::atomic<bool> told = false;
  EXPECT_ANY_THROW(run_on_threads(3, [&](Communicator& threads) {
    const auto job = threads.split(0, threads.rank());
    const auto dog = Watchdog::start(
        *job, {.limits = {.heartbeat_s = 20, .call_s = 2}, .end = [&](const watchdog::Verdict& verdict) {
                 if (!told.exchange(true)) text.set_value(verdict.text);
               }});
    const auto comm = make("pure_nccl", threads);
    comm->watch(Watch::first(dog, /*composed=*/true));
    const Array x = ones({10}, Dtype::kFloat32, gpu_of(*comm));
    comm->all_reduce(x);
    if (comm->rank() != 2) comm->all_reduce(x);  // returns at once, but is not over
    while (!told) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    throw CommError("the job is over");
  }));
  EXPECT_THAT(text.get_future().get(),
              AllOf(HasSubstr("rank 2 of 3"), HasSubstr("did not come to all_reduce #2 of 10 float32")));
}

TEST(NcclFailureTest, RanksThatShareAGpuAreNamed) {
  SimulatedGpus gpus(2);
  gpus.driver().make_one_gpu(1, 0);
  NcclScope nccl;
  const auto reduce = [](const std::string& name) {
    run_on_threads(2, [&](Communicator& threads) {
      const auto comm = make(name, threads);
      const Array x = ones({10}, Dtype::kFloat32, gpu_of(*comm));
      comm->all_reduce(x);
      EXPECT_THAT(values(x), Each(2.0f));
    });
  };
  EXPECT_THAT(
      [&] { reduce("pure_nccl"); },
      ThrowsMessage<CommError>(AllOf(HasSubstr("ranks 0 and 1 both use the GPU 0000:00:00.0"), HasSubstr("flat"))));
  reduce("auto");  // by way of the host
  reduce("flat");
  EXPECT_THAT(nccl->record().launches, IsEmpty());
}

TEST(NcclFailureTest, ASecondGpuOfARankIsRefused) {
  SimulatedGpus gpus(4);
  NcclScope nccl;
  run_on_threads(2, [&](Communicator& threads) {
    const auto comm = make("pure_nccl", threads);
    comm->all_reduce(ones({3}, Dtype::kFloat32, gpu_of(*comm)));
    EXPECT_THAT([&] { comm->all_reduce(ones({3}, Dtype::kFloat32, Device{DeviceKind::kCuda, comm->rank() + 2})); },
                ThrowsMessage<DeviceError>(HasSubstr("one GPU for each communicator")));
    EXPECT_THAT([&] { comm->all_gather(ones({3}), ones({6}, Dtype::kFloat32, gpu_of(*comm))); },
                ThrowsMessage<DeviceError>(HasSubstr("expected one device")));
  });
}

}  // namespace
}  // namespace rensa::testing
