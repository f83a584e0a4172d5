#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/array/array.h"
#include "core/array/index.h"
#include "core/array/logic.h"
#include "core/device/gpu/caching_allocator.h"
#include "core/device/gpu/pinned_memory.h"
#include "core/device/gpu/stream.h"
#include "core/device/gpu/transfer.h"
#include "core/error.h"
#include "core/kernels/arithmetic.h"
#include "core/kernels/linear_algebra.h"
#include "tests/support/simulated_driver.h"

namespace rensa {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr Device kGpu{DeviceKind::kCuda, 0}, kOther{DeviceKind::kCuda, 1};
constexpr std::size_t kMiB = std::size_t{1} << 20;

Array on_gpu(std::size_t bytes, Device device = kGpu) {
  return empty({static_cast<std::int64_t>(bytes)}, Dtype::kUInt8, device);
}

TEST(GpuDriverTest, ADeviceThatIsNotThereIsNamedWithThoseThatAre) {
  const testing::SimulatedDevices simulated(2);
  EXPECT_THAT([] { on_gpu(1, {DeviceKind::kCuda, 5}); },
              ThrowsMessage<DeviceError>(AllOf(HasSubstr("cuda:5"), HasSubstr("sees 2"))));
}

TEST(GpuDriverTest, AnOperationWithoutAKernelForTheDeviceIsNamed) {
  const testing::SimulatedDevices simulated;
  const Array x = on_gpu(4);
  EXPECT_THAT([&] { kernels::inverse(x); }, ThrowsMessage<DeviceError>(AllOf(HasSubstr("inv"), HasSubstr("cuda:0"))));
}

TEST(GpuDriverTest, OperandsOnDifferentDevicesAreRefused) {
  const testing::SimulatedDevices simulated;
  EXPECT_THAT([] { kernels::add(ones({4}), on_gpu(4)); },
              ThrowsMessage<DeviceError>(AllOf(HasSubstr("cpu and cuda:0"), HasSubstr("to(device)"))));
}

TEST(GpuDriverTest, HostCodeIsRefusedTheElementsOfAGpu) {
  const testing::SimulatedDevices simulated;
  const Array x = on_gpu(4);
  EXPECT_THAT([&] { x.data<std::uint8_t>(); },
              ThrowsMessage<DeviceError>(AllOf(HasSubstr("cuda:0"), HasSubstr("to(Device{})"))));
  EXPECT_NE(x.raw_data(), nullptr);
  EXPECT_NO_THROW(x.to(Device{}).data<std::uint8_t>());
}

TEST(GpuDriverTest, WhatTheHostCountsIsMovedThereFirst) {
  const testing::SimulatedDevices simulated;
  const Array flags = array<int>({0, 1, 0, 1}).to(Dtype::kBool).to(kGpu);
  EXPECT_EQ(count_nonzero(flags), 2);
  EXPECT_THAT(to_vector<std::int64_t>(nonzero(flags)[0]), ElementsAre(1, 3));
}

TEST(GpuAllocatorTest, ABlockGoesToTheNextRequestOfItsStream) {
  const testing::SimulatedDevices simulated;
  auto& allocator = gpu::caching_allocator(0);
  void* first = on_gpu(5 * kMiB).raw_data();
  EXPECT_EQ(on_gpu(5 * kMiB - 100).raw_data(), first);
  EXPECT_EQ(allocator.counts().from_driver, 1u);
  const gpu::OwnedStream other(kGpu);
  const gpu::StreamScope scope(other);
  EXPECT_NE(on_gpu(5 * kMiB).raw_data(), first) << "another stream is not ordered with the first";
  EXPECT_EQ(allocator.counts().from_driver, 2u);
}

TEST(GpuAllocatorTest, RoundsCutsAndJoins) {
  const testing::SimulatedDevices simulated;
  auto& allocator = gpu::caching_allocator(0);
  Array a = on_gpu(1), b = on_gpu(600), c = on_gpu(512);
  EXPECT_EQ(allocator.statistics().in_use, 512u + 1024u + 512u);
  EXPECT_EQ(allocator.statistics().reserved, 2 * kMiB);
  EXPECT_EQ(static_cast<std::byte*>(b.raw_data()) - static_cast<std::byte*>(a.raw_data()), 512);
  void* const start = a.raw_data();
  a = Array();
  c = Array();
  b = Array();  // joins both sides
  EXPECT_EQ(on_gpu(kMiB).raw_data(), start);
  EXPECT_EQ(allocator.counts().from_driver, 1u);
  EXPECT_EQ(allocator.counts().splits, allocator.counts().merges);
}

TEST(GpuAllocatorTest, TakesTheSmallestBlockThatFits) {
  const testing::SimulatedDevices simulated;
  Array large = on_gpu(16 * kMiB), small = on_gpu(12 * kMiB);
  void* const fits = small.raw_data();
  large = small = Array();
  EXPECT_EQ(on_gpu(11 * kMiB).raw_data(), fits);
}

TEST(GpuAllocatorTest, GivesFreeSegmentsBackBeforeItFails) {
  const testing::SimulatedDevices simulated(1, 64 * kMiB);
  auto& allocator = gpu::caching_allocator(0);
  for (const std::size_t size : {12 * kMiB, 14 * kMiB, 24 * kMiB}) on_gpu(size);
  EXPECT_EQ(allocator.statistics().reserved, 50 * kMiB);
  const Array x = on_gpu(60 * kMiB);
  EXPECT_EQ(allocator.counts().retries, 1u);
  EXPECT_EQ(allocator.counts().to_driver, 3u);
  EXPECT_EQ(simulated.driver->used(0), 60 * kMiB);
}

TEST(GpuAllocatorTest, WantOfMemoryNamesTheLargestHolders) {
  const testing::SimulatedDevices simulated(1, 64 * kMiB);
  const kernels::detail::RunningKernel running("convolution");
  const Array x = on_gpu(40 * kMiB), y = on_gpu(12 * kMiB);
  EXPECT_THAT([] { on_gpu(30 * kMiB); },
              ThrowsMessage<MemoryError>(AllOf(HasSubstr("30.0 MiB"), HasSubstr("convolution 52.0 MiB in 2"),
                                               HasSubstr("of 64.0 MiB left"), HasSubstr("smaller batch"))));
}

TEST(GpuAllocatorTest, KeepsToItsLimitAndItsStatistics) {
  const testing::SimulatedDevices simulated;
  Allocator& allocator = rensa::allocator(kGpu);
  allocator.set_limit(8 * kMiB);
  EXPECT_THAT([] { on_gpu(9 * kMiB); }, ThrowsMessage<MemoryError>(HasSubstr("the limit is reached")));
  {
    const Array x = on_gpu(8 * kMiB);
  }
  EXPECT_EQ(allocator.statistics().in_use, 0u);
  EXPECT_EQ(allocator.statistics().peak_in_use, 8 * kMiB);
  EXPECT_EQ(allocator.statistics().reserved, 20 * kMiB);
  allocator.reset_peak();
  EXPECT_EQ(allocator.statistics().peak_in_use, 0u);
  allocator.trim();
  EXPECT_EQ(allocator.statistics().reserved, 0u);
}

TEST(GpuAllocatorTest, MemoryThatAnotherStreamUsesWaitsForIt) {
  const testing::SimulatedDevices simulated;
  const gpu::OwnedStream communication(kGpu, /*high_priority=*/true);
  EXPECT_TRUE(simulated.driver->is_high_priority(communication.get().handle));
  Array x = on_gpu(5 * kMiB);
  void* const data = x.raw_data();
  simulated.driver->launch(communication.get().handle, "all_reduce", [] {});
  gpu::record_use(x, communication);
  x = Array();
  const Array y = on_gpu(5 * kMiB);
  EXPECT_NE(y.raw_data(), data);
  communication.get().synchronize();
  EXPECT_EQ(on_gpu(5 * kMiB).raw_data(), data);
}

TEST(GpuAllocatorTest, StepsThatRepeatAskTheDriverForNothing) {
  const testing::SimulatedDevices simulated;
  auto& allocator = gpu::caching_allocator(0);
  std::uint64_t after_first = 0;
  for (int step = 0; step < 5; ++step) {
    std::vector<Array> saved;
    for (const std::size_t size : {100 * 1024ul, 3 * kMiB, 11 * kMiB, 700ul, 2 * kMiB}) saved.push_back(on_gpu(size));
    if (step == 0) after_first = allocator.counts().from_driver;
  }
  EXPECT_EQ(allocator.counts().from_driver, after_first);
}

TEST(GpuStreamTest, AnEventOrdersTwoStreams) {
  const testing::SimulatedDevices simulated;
  const gpu::OwnedStream a(kGpu), b(kGpu);
  std::vector<int> done;
  simulated.driver->launch(a.get().handle, "compute", [&] { done.push_back(1); });
  gpu::Event event(kGpu);
  event.record(a);
  event.wait_on(b);
  simulated.driver->launch(b.get().handle, "send", [&] { done.push_back(2); });
  EXPECT_FALSE(event.has_happened());
  b.get().synchronize();
  EXPECT_THAT(done, ElementsAre(1, 2));
  EXPECT_TRUE(event.has_happened());
}

/// A thread that does nothing but ask must not wake another GPU.
TEST(GpuStreamTest, TheHostAsksAboutAnEventOnItsOwnDevice) {
  const testing::SimulatedDevices simulated;
  gpu::Event start(kOther, /*timed=*/true), end(kOther, /*timed=*/true);
  start.record(gpu::current_stream(kOther));
  end.record(gpu::current_stream(kOther));
  end.synchronize();
  EXPECT_TRUE(end.has_happened());
  EXPECT_EQ(end.milliseconds_since(start), 1);
  EXPECT_THAT(simulated.driver->asked_devices(), ElementsAre(1, 1, 1));
}

TEST(GpuStreamTest, AScopeBelongsToItsThreadAndStreamsAreTakenAgain) {
  const testing::SimulatedDevices simulated;
  const gpu::Stream main = gpu::current_stream(kGpu);
  gpu::StreamHandle used = nullptr;
  {
    const gpu::OwnedStream own(kGpu);
    used = own.get().handle;
    const gpu::StreamScope scope(own);
    EXPECT_EQ(gpu::current_stream(kGpu), own.get());
    EXPECT_EQ(gpu::current_stream(kOther), gpu::main_stream(kOther));
  }
  EXPECT_EQ(gpu::current_stream(kGpu), main);
  EXPECT_EQ(gpu::OwnedStream(kGpu).get().handle, used);
}

TEST(GpuTransferTest, ArraysMoveThereAndBackInTheirOrderOfAxes) {
  const testing::SimulatedDevices simulated;
  const Array x = arange(24, Dtype::kFloat32).reshape({1, 2, 3, 4}).channels_last();
  const Array there = x.to(kGpu), beside = there.to(kOther);
  EXPECT_EQ(there.device(), kGpu);
  EXPECT_TRUE(beside.is_channels_last());
  EXPECT_EQ(to_vector<float>(beside), to_vector<float>(x));
  EXPECT_EQ(there.to(kGpu).raw_data(), there.raw_data());
}

TEST(GpuTransferTest, AnUploadInAStreamOfItsOwnDoesNotWait) {
  const testing::SimulatedDevices simulated;
  const gpu::OwnedStream input(kGpu);
  Array x = array<float>({1, 2, 3});
  const Array there = gpu::uploaded(x, input);
  x.fill(0);  // taken over already
  EXPECT_EQ(simulated.driver->queued(input.get().handle), 2u) << "the copy, and the end of staging";
  gpu::order(input, gpu::current_stream(kGpu));
  EXPECT_THAT(to_vector<float>(there), ElementsAre(1, 2, 3));
}

TEST(GpuTransferTest, LargeArraysGoInPieces) {
  const testing::SimulatedDevices simulated;
  const Array x = arange(5 << 20, Dtype::kInt32);
  EXPECT_EQ(to_vector<std::int32_t>(x.to(kGpu)), to_vector<std::int32_t>(x));
}

TEST(GpuTransferTest, PinnedMemoryIsTakenAgain) {
  const testing::SimulatedDevices simulated;
  void* const first = gpu::pinned_array({1000}, Dtype::kFloat32).raw_data();
  EXPECT_EQ(gpu::pinned_array({900}, Dtype::kFloat32).raw_data(), first);
  EXPECT_EQ(gpu::pinned_array({900}, Dtype::kFloat32).device(), Device{});
}

}  // namespace
}  // namespace rensa
