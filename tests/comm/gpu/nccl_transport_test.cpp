#include "comm/gpu/nccl_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <thread>

#include "comm/array_messages.h"
#include "comm/communicators/create_communicator.h"
#include "comm/links/communicator_statistics.h"
#include "comm/shm/thread_group.h"
#include "comm/watchdog/watchdog.h"
#include "core/device/gpu/stream.h"
#include "core/error.h"
#include "tests/comm/gpu/simulated_gpus.h"
#include "tests/comm/gpu/simulated_nccl.h"

namespace rensa {
namespace {

using rensa::testing::NcclRecord;
using rensa::testing::NcclScope;
using rensa::testing::SimulatedGpus;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;
using Clock = std::chrono::steady_clock;

Device gpu_of(const Communicator& comm) { return {DeviceKind::kCuda, comm.rank()}; }

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::vector<float> values(const Array& x) { return to_vector<float>(x.to(Device{})); }

std::unique_ptr<Communicator> make(const std::string& name, Communicator& threads) {
  return compose_communicator(name, threads.split(0, threads.rank()), /*deterministic=*/true);
}

std::vector<std::string> calls_of(const NcclRecord& record, int rank) {
  std::vector<std::string> calls;
  for (const NcclRecord::Launch& launch : record.launches) {
    if (launch.device == rank) calls.push_back(launch.call);
  }
  return calls;
}

/// Work that the test lets go on: what the host has done before did not wait for it.
class Gate {
 public:
  void open() { promise_.set_value(); }
  /// A kernel that waits for open() and then sets all elements.
  void fill(SimulatedGpus& gpus, const Array& x, float value) {
    auto* const to = static_cast<float*>(x.raw_data());
    gpus.driver().launch(gpu::current_stream(x.device()).handle, [this, to, value, count = x.size()] {
      const bool opened = future_.wait_for(std::chrono::seconds(30)) == std::future_status::ready;
      EXPECT_TRUE(opened) << "the host waits";
      std::fill_n(to, count, value);
    });
  }

 private:
  std::promise<void> promise_;
  std::shared_future<void> future_ = promise_.get_future().share();
};

TEST(NcclTransportTest, JoinsTheRanksWhenItIsFirstUsed) {
  const SimulatedGpus gpus(2);
  NcclScope nccl;
  run_on_threads(2, [&](Communicator& threads) {
    {
      const auto comm = make("pure_nccl", threads);
      comm->all_reduce(ones({5}));  // of the host
      threads.barrier();
      EXPECT_EQ(nccl->record().joined, 0);
      threads.barrier();
      for (int i = 0; i < 2; ++i) comm->all_reduce(ones({5}, Dtype::kFloat32, gpu_of(*comm)));
      threads.barrier();
      EXPECT_EQ(nccl->record().joined, 2);
    }
    threads.barrier();
    EXPECT_EQ(nccl->record().finalized, 2);
    EXPECT_EQ(nccl->record().aborted, 0);
  });
}

TEST(NcclTransportTest, TheHostDoesNotWait) {
  SimulatedGpus gpus(2);
  NcclScope nccl;
  run_on_threads(2, [&](Communicator& threads) {
    const auto comm = make("pure_nccl", threads);
    const Array x = ones({1000}, Dtype::kFloat32, gpu_of(*comm)),
                parts = zeros({2, 1000}, Dtype::kFloat32, gpu_of(*comm));
    comm->all_reduce(x);
    gpu::current_stream(x.device()).synchronize();
    threads.barrier();
    const int waits = gpus.driver().host_waits();
    Gate gate;
    gate.fill(gpus, x, static_cast<float>(comm->rank() + 1));
    comm->all_reduce(x);
    comm->all_gather(x, parts);
    comm->all_to_all(parts, zeros({2, 1000}, Dtype::kFloat32, gpu_of(*comm)));
    gate.open();
    threads.barrier();
    EXPECT_EQ(gpus.driver().host_waits(), waits);
    threads.barrier();
    EXPECT_THAT(values(parts), Each(3.0f)) << "in order with what was in the stream before";
  });
}

TEST(NcclTransportTest, StartedCallsGoBesideTheOthersAndAreWaitedForInTheStream) {
  SimulatedGpus gpus(2);
  NcclScope nccl;
  run_on_threads(2, [&](Communicator& threads) {
    const auto comm = make("pure_nccl", threads);
    const Device device = gpu_of(*comm);
    const Array x = ones({1000}, Dtype::kFloat32, device), y = zeros({1000}, Dtype::kFloat32, device);
    comm->start([x](Communicator& c) { c.all_reduce(x); }, device).wait();
    gpu::current_stream(device).synchronize();
    threads.barrier();
    const int waits = gpus.driver().host_waits();
    Gate gate;
    gate.fill(gpus, x, static_cast<float>(comm->rank() + 1));
    const Work work = comm->start([x](Communicator& c) { c.all_reduce(x); }, device);
    EXPECT_FALSE(work.test());
    work.wait();
    y.copy_from(x);
    gate.open();
    threads.barrier();
    EXPECT_EQ(gpus.driver().host_waits(), waits);
    threads.barrier();
    EXPECT_THAT(values(y), Each(3.0f));
    EXPECT_TRUE(work.test());
    for (const NcclRecord::Launch& launch : nccl->record().launches) {
      EXPECT_TRUE(gpus.driver().is_high_priority(launch.stream));
    }
  });
}

TEST(NcclTransportTest, StartedCallsRunWhileTheCurrentStreamComputes) {
  SimulatedGpus gpus(2);
  NcclScope nccl;
  run_on_threads(2, [&](Communicator& threads) {
    const auto comm = make("pure_nccl", threads);
    const Device device = gpu_of(*comm);
    const Array gradient = ones({10}, Dtype::kFloat32, device), other = ones({10}, Dtype::kFloat32, device);
    comm->start([gradient](Communicator& c) { c.all_reduce(gradient); }, device).wait();
    gpu::current_stream(device).synchronize();
    std::promise<void> reduced;
    // backward goes on until it has seen the gradient arrive: it never would in one stream
    const Work work = comm->start([gradient](Communicator& c) { c.all_reduce(gradient); }, device);
    gpus.driver().launch(gpu::current_stream(device).handle,
                         [&] { reduced.get_future().wait_for(std::chrono::seconds(30)); });
    EXPECT_TRUE(work.wait_for(std::chrono::seconds(20)));
    reduced.set_value();
    EXPECT_THAT(values(gradient), Each(4.0f));
  });
}

TEST(NcclTransportTest, EveryRankLaunchesInTheOrderOfItsProgram) {
  SimulatedGpus gpus(3);
  NcclScope nccl;
  nccl->shared().faults.before_call = [](int rank, std::uint64_t call) {
    std::this_thread::sleep_for(
        std::chrono::microseconds((call * 7919 + static_cast<std::uint64_t>(rank) * 104729) % 2000));
  };
  run_on_threads(3, [&](Communicator& threads) {
    const auto comm = make("pure_nccl", threads), statistics = make("pure_nccl", threads);
    const Device device = gpu_of(*comm);
    std::vector<Work> works;
    std::vector<Array> buckets;
    for (int i = 1; i <= 20; ++i) {
      buckets.push_back(ones({100 + i}, Dtype::kFloat32, device));
      works.push_back(comm->start([x = buckets.back()](Communicator& c) { c.all_reduce(x); }, device));
      const Array mean = ones({i}, Dtype::kFloat64, device);
      statistics->all_reduce(mean);
      if (comm->rank() == i % 3) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    for (const Work& work : works) work.wait();
    for (const Array& bucket : buckets) EXPECT_THAT(values(bucket), Each(3.0f));
  });
  const NcclRecord record = nccl->record();
  const std::vector<std::string> first = calls_of(record, 0);
  EXPECT_EQ(first.size(), 40u);
  EXPECT_EQ(first[0], "all_reduce of 101 float32");
  EXPECT_EQ(first[1], "all_reduce of 1 float64");
  EXPECT_EQ(calls_of(record, 1), first);
  EXPECT_EQ(calls_of(record, 2), first);
}

TEST(NcclTransportTest, GatherScatterAndAllToAllAreGroups) {
  SimulatedGpus gpus(3);
  NcclScope nccl;
  run_on_threads(3, [&](Communicator& threads) {
    const auto comm = make("pure_nccl", threads);
    const Device device = gpu_of(*comm);
    const Array mine = ones({4}, Dtype::kFloat32, device), all = zeros({3, 4}, Dtype::kFloat32, device);
    comm->gather(mine, comm->rank() == 1 ? all : Array(), 1);
    comm->scatter(comm->rank() == 1 ? all : Array(), mine, 1);
    comm->all_to_all(all, zeros({3, 4}, Dtype::kFloat32, device));
  });
  EXPECT_THAT(calls_of(nccl->record(), 0), ElementsAre("group of 1", "group of 1", "group of 6"));
  EXPECT_THAT(calls_of(nccl->record(), 1), ElementsAre("group of 4", "group of 4", "group of 6"));
}

TEST(NcclTransportTest, CountsHave64Bits) {
  SimulatedGpus gpus(2);
  NcclScope nccl;
  nccl->shared().moves = false;
  constexpr std::int64_t kCount = (std::int64_t{3} << 32) + 2;
  run_on_threads(2, [&](Communicator& threads) {
    const auto comm = make("pure_nccl", threads);
    alignas(64) static char memory[64];
    comm->all_reduce(Array::wrap(memory, {kCount}, Dtype::kUInt8, gpu_of(*comm)), Reduce::kMax);
    comm->all_gather(Array::wrap(memory, {kCount}, Dtype::kBFloat16, gpu_of(*comm)),
                     Array::wrap(memory, {2, kCount}, Dtype::kBFloat16, gpu_of(*comm)));
  });
  for (const NcclRecord::Launch& launch : nccl->record().launches)
    EXPECT_EQ(launch.count, static_cast<std::size_t>(kCount));
}

TEST(NcclTransportTest, ALaunchIsOverWhenTheWorkIsInTheStream) {
  SimulatedGpus gpus(2);
  NcclScope nccl;
  nccl->shared().faults.asks_per_launch = 5;
  run_on_threads(2, [&](Communicator& threads) {
    const auto comm = make("pure_nccl", threads);
    const Array x = ones({10}, Dtype::kFloat32, gpu_of(*comm));
    for (int i = 0; i < 3; ++i) comm->all_reduce(x);
    EXPECT_THAT(values(x), Each(8.0f));
  });
}

TEST(NcclTransportTest, RegisteredMemoryIsTakenBack) {
  SimulatedGpus gpus(2);
  NcclScope nccl;
  run_on_threads(2, [&](Communicator& threads) {
    const auto comm = make("pure_nccl", threads);
    const Array arena = zeros({1000}, Dtype::kFloat32, gpu_of(*comm));
    {
      const auto registration = comm->register_memory(arena);
      threads.barrier();
      EXPECT_EQ(nccl->record().registered, 2);
      threads.barrier();
    }
    threads.barrier();
    EXPECT_EQ(nccl->record().registered, 0);
    EXPECT_EQ(comm->register_memory(zeros({5})), nullptr) << "of the host";
  });
}

// What goes wrong.

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
  const auto start = Clock::now();
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
  EXPECT_LT(seconds_since(start), 30);
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

// Which way arrays go.

std::vector<std::string> launched_by(const std::string& name, int ranks, int ranks_per_node) {
  SimulatedGpus gpus(ranks);
  NcclScope nccl;
  run_on_threads(ranks,
                 [&](Communicator& threads) {
                   const auto comm = make(name, threads);
                   const Array x = full({400}, comm->rank() + 1, Dtype::kFloat32, gpu_of(*comm));
                   comm->all_reduce(x, Reduce::kMean);
                   EXPECT_THAT(values(x), Each(static_cast<float>(ranks + 1) / 2));
                 },
                 {.ranks_per_node = ranks_per_node});
  return calls_of(nccl->record(), 0);
}

TEST(GpuWayTest, IsWhatTheNamesOfChainerMnSay) {
  EXPECT_THAT(launched_by("pure_nccl", 4, 2), ElementsAre("all_reduce of 400 float32"));
  EXPECT_THAT(launched_by("auto", 4, 2), ElementsAre("all_reduce of 400 float32"));
  EXPECT_THAT(launched_by("single_node", 4, 4), ElementsAre("all_reduce of 400 float32"));
  EXPECT_THAT(launched_by("hierarchical", 4, 4), ElementsAre("all_reduce of 400 float32"));
  for (const char* name : {"hierarchical", "non_cuda_aware"}) {
    EXPECT_THAT(launched_by(name, 4, 2), ElementsAre("reduce of 400 float32", "broadcast of 400 float32")) << name;
  }
  EXPECT_THAT(launched_by("two_dimensional", 4, 2),
              ElementsAre("reduce_scatter of 200 float32", "all_gather of 200 float32"));
  EXPECT_THAT(launched_by("flat", 4, 2), IsEmpty());
  EXPECT_THAT(launched_by("naive", 4, 2), IsEmpty());
}

TEST(GpuWayTest, ArraysOfAnyShapeArriveOnTheGpuOfTheirRank) {
  SimulatedGpus gpus(3);
  NcclScope nccl;
  for (const char* name : {"pure_nccl", "flat"}) {
    run_on_threads(3, [&](Communicator& threads) {
      const auto comm = make(name, threads);
      const int rank = comm->rank();
      const Array mine = full({rank + 1, 2}, rank, Dtype::kFloat32, gpu_of(*comm));
      const Array from_root = broadcast_array(*comm, rank == 2 ? mine : Array(), 2);
      EXPECT_EQ(from_root.device(), gpu_of(*comm));
      EXPECT_EQ(values(from_root), std::vector<float>(6, 2.0f));
      const std::vector<Array> all = all_gather_arrays(*comm, mine);
      for (int r = 0; r < 3; ++r) {
        EXPECT_EQ(values(all[static_cast<std::size_t>(r)]),
                  std::vector<float>(static_cast<std::size_t>(2 * r + 2), static_cast<float>(r)));
      }
      if (rank == 0) send_array(*comm, mine, 1);
      if (rank == 1) {
        const Array got = recv_array(*comm, 0);
        EXPECT_EQ(got.device(), gpu_of(*comm));
        EXPECT_THAT(values(got), Each(0.0f));
      }
    });
  }
}

TEST(GpuWayTest, ArraysWithGapsKeepWhatLiesBetween) {
  SimulatedGpus gpus(2);
  NcclScope nccl;
  for (const char* name : {"pure_nccl", "flat"}) {
    run_on_threads(2, [&](Communicator& threads) {
      const auto comm = make(name, threads);
      const Array whole = full({6, 4}, -1, Dtype::kFloat32, gpu_of(*comm)), x = whole.slice(0, {.step = 2});
      x.fill(comm->rank() + 1);
      comm->all_reduce(x);
      EXPECT_THAT(values(x), Each(3.0f));
      EXPECT_THAT(values(whole.slice(0, {.start = 1, .step = 2})), Each(-1.0f));
    });
  }
}

TEST(GpuStatisticsTest, AreThoseOfTheHost) {
  SimulatedGpus gpus(3);
  NcclScope nccl;
  run_on_threads(3, [&](Communicator& threads) {
    const auto comm = make("pure_nccl", threads);
    CommunicatorStatistics statistics(*comm);
    const std::int64_t count = 4 * comm->rank();  // rank 0 has nothing
    const Array mean = array<double>({1.0 + comm->rank(), -2.0 * comm->rank()}, {2}),
                var = array<double>({0.5, 2.0 + comm->rank()}, {2});
    const Array gpu_mean = mean.to(gpu_of(*comm)), gpu_var = var.to(gpu_of(*comm));
    EXPECT_EQ(statistics.merge(mean, var, count), 12);
    EXPECT_EQ(statistics.merge(gpu_mean, gpu_var, count), 12);
    for (std::size_t c = 0; c < 2; ++c) {
      EXPECT_NEAR(to_vector<double>(gpu_mean.to(Device{}))[c], to_vector<double>(mean)[c], 1e-12);
      EXPECT_NEAR(to_vector<double>(gpu_var.to(Device{}))[c], to_vector<double>(var)[c], 1e-12);
    }
  });
}

TEST(NcclMessagesTest, CrossWithoutWaitingForEachOther) {
  SimulatedGpus gpus(3);
  NcclScope nccl;
  run_on_threads(3, [&](Communicator& threads) {
    const auto comm = make("pure_nccl", threads);
    const int next = (comm->rank() + 1) % 3, before = (comm->rank() + 2) % 3;
    const Array x = full({50}, 0, Dtype::kFloat32, gpu_of(*comm)), got = zeros({50}, Dtype::kFloat32, gpu_of(*comm));
    for (int i = 0; i < 5; ++i) {
      x.fill(10 * i + comm->rank());
      comm->send(x, next, i);  // all send first
      x.fill(-1);              // a copy travels
      comm->recv(got, before, i);
      EXPECT_EQ(values(got), std::vector<float>(50, static_cast<float>(10 * i + before)));
      comm->barrier();
    }
  });
  // by way of the host at first, then by NCCL
  EXPECT_THAT(calls_of(nccl->record(), 0), ::testing::Contains("send of 50 float32 to 1"));
  EXPECT_THAT(calls_of(nccl->record(), 1), ::testing::Contains("recv of 50 float32 from 0"));
}

TEST(NcclMessagesTest, OfAnotherSizeOrOrderAreErrors) {
  SimulatedGpus gpus(2);
  NcclScope nccl;
  run_on_threads(2,
                 [&](Communicator& threads) {
                   const auto comm = make("pure_nccl", threads);
                   const auto array_of = [&](std::int64_t count) {
                     return ones({count}, Dtype::kFloat32, gpu_of(*comm));
                   };
                   if (comm->rank() == 0) {
                     comm->send(array_of(3), 1, 0);
                     comm->barrier();  // joined by now
                     comm->send(array_of(3), 1, 5);
                     comm->send(array_of(3), 1, 6);
                     comm->send(array_of(4), 1, 7);
                     comm->barrier();
                   } else {
                     comm->recv(array_of(3), 0, 0);
                     comm->barrier();
                     EXPECT_THAT([&] { comm->recv(array_of(3), 0, 6); },
                                 ThrowsMessage<CommError>(HasSubstr("in the order in which")));
                     EXPECT_THAT([&] { comm->recv(array_of(3), 0, 7); },
                                 ThrowsMessage<CommError>(HasSubstr("sent 4 float32 with tag 7, expected 3")));
                     comm->barrier();
                   }
                 },
                 {.timeout_s = 4});
}

}  // namespace
}  // namespace rensa
