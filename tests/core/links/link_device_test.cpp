#include <gtest/gtest.h>

#include "core/links/batch_normalization.h"
#include "tests/support/simulated_driver.h"

namespace rensa {
namespace {

constexpr Device kGpu{DeviceKind::kCuda, 0};

TEST(LinkDeviceTest, ParametersAndStatisticsMoveAndCountsStay) {
  const testing::SimulatedDevices simulated;
  BatchNormalization link({.size = 3});
  EXPECT_EQ(link.device(), Device{});
  link.to(kGpu);
  EXPECT_EQ(link.device(), kGpu);
  EXPECT_EQ(link.gamma.array().device(), kGpu);
  EXPECT_EQ(link.avg_var.device(), kGpu);
  EXPECT_EQ(link.N.device(), Device{});
  EXPECT_EQ(to_vector<float>(link.avg_var), (std::vector<float>{1, 1, 1}));
}

TEST(LinkDeviceTest, AParameterThatGetsItsShapeLaterHasTheSameNumbersThere) {
  const testing::SimulatedDevices simulated;
  seed_parameters(5);
  Parameter here(init::normal(1));
  seed_parameters(5);
  Parameter there(init::normal(1));
  there.to(kGpu);
  here.initialize({4, 2});
  there.initialize({4, 2});
  EXPECT_EQ(there.device(), kGpu);
  EXPECT_EQ(to_vector<float>(there.array()), to_vector<float>(here.array()));
}

}  // namespace
}  // namespace rensa
