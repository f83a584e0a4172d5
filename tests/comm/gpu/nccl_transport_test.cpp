#include "comm/gpu/nccl_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <thread>

#include "comm/shm/thread_group.h"
#include "core/error.h"
#include "tests/comm/gpu/nccl_ranks.h"

namespace rensa::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

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

TEST(NcclTransportTest, MessagesThatDoNotWaitAreForTheHost) {
  SimulatedGpus gpus(2);
  NcclScope nccl;
  run_on_threads(2, [&](Communicator& threads) {
    const auto comm = make("pure_nccl", threads);
    const Array x = ones({2}, Dtype::kFloat32, gpu_of(*comm));
    EXPECT_THROW(comm->start_send(x, 1 - comm->rank()), DeviceError);
    EXPECT_THROW(comm->start_recv(x, 1 - comm->rank()), DeviceError);
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

}  // namespace
}  // namespace rensa::testing
