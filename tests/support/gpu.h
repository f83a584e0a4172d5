#pragma once

#include <gtest/gtest.h>

#include "core/device/device.h"
#include "core/device/gpu/driver.h"

namespace rensa::testing {

inline constexpr Device kGpu{DeviceKind::kCuda, 0};

/// Tests that need a GPU: skipped, saying why, where there is none. The suite's name ends in GpuTest.
class GpuTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const gpu::Availability found = gpu::availability();
    if (found.devices == 0) GTEST_SKIP() << found.description;
  }
};

}  // namespace rensa::testing
