#include "trainer/deferred_number.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/device/gpu/stream.h"
#include "core/kernels/memory.h"
#include "tests/support/simulated_driver.h"

namespace rensa {
namespace {

constexpr Device kGpu{DeviceKind::kCuda, 0};

/// A simulated GPU that can copy elements.
struct CopyingDevice : testing::SimulatedDevices {
  CopyingDevice() : SimulatedDevices(1) {
    kernels::copy.implement(DeviceKind::kCuda, [](const Array& target, const Array& source) {
      ASSERT_EQ(target.dtype(), source.dtype());
      gpu::driver().copy_on_device(0, target.raw_data(), source.raw_data(), source.bytes(),
                                   gpu::current_stream(kGpu).handle);
    });
  }
};

Array on_gpu(float value) { return full({}, value, Dtype::kFloat32).to(kGpu); }

TEST(DeferredNumberTest, OfTheHostIsKnownAtOnce) {
  DeferredNumbers deferred;
  const Observed seen = deferred.observe(full({}, 0.25, Dtype::kFloat64), 3);
  EXPECT_FALSE(seen.is_deferred());
  EXPECT_EQ(seen.value(), 0.25);
  EXPECT_EQ(seen.weight, 3);
}

TEST(DeferredNumberTest, TheHostWaitsOnceForMany) {
  const CopyingDevice device;
  std::vector<Observed> seen;
  {
    DeferredNumbers deferred;
    for (int i = 0; i < 300; ++i) seen.push_back(deferred.observe(on_gpu(static_cast<float>(i) / 2), 1));
  }
  EXPECT_EQ(device.driver->host_waits(), 0);
  for (int i = 0; i < 300; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)].value(), i / 2.0);
  EXPECT_EQ(device.driver->host_waits(), 2);  // 256 together
}

TEST(DeferredNumberTest, SumsAndMeansAreThoseOfKnownNumbers) {
  const CopyingDevice device;
  DeferredNumbers deferred;
  ObservedSum known, later;
  Observation mean_known, mean_later;
  for (int i = 0; i < 20; ++i) {
    const float value = 1.0f / static_cast<float>(i + 1);
    const double weight = 1 + i % 3;
    known.add({value, weight});
    later.add(i == 7 ? Observed(value, weight) : deferred.observe(on_gpu(value), weight));
    join_means(mean_known, {{"x", {value, weight}}});
    join_means(mean_later, {{"x", deferred.observe(on_gpu(value), weight)}});
  }
  EXPECT_EQ(device.driver->host_waits(), 0);
  EXPECT_EQ(later.weight(), known.weight());
  EXPECT_EQ(later.total(), known.total());
  later.settle();
  EXPECT_EQ(later.total(), known.total());
  EXPECT_EQ(mean_later.at("x").weight, mean_known.at("x").weight);
  EXPECT_EQ(mean_later.at("x").value(), mean_known.at("x").value());
}

}  // namespace
}  // namespace rensa
