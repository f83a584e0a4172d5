#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/links/batch_normalization.h"
#include "core/links/linear.h"
#include "tests/comm/gpu/simulated_gpus.h"

// Copies of links whose values are on simulated GPUs.

namespace rensa {
namespace {

using rensa::testing::SimulatedGpus;
using ::testing::Each;

constexpr Device kGpu{DeviceKind::kCuda, 0};

struct Net : Link {
  Linear first{{.in = 3, .out = 3}};
  BatchNormalization normalization{{.size = 3}};
  Linear last{{.in = kLazySize, .out = 2}};
  Net() {
    add("first", first);
    add("normalization", normalization);
    add("last", last);
  }
  std::unique_ptr<Link> do_clone() override { return std::make_unique<Net>(); }
};

void expect_all_on(Device device, Net& net) {
  for (const Link::NamedParameter& named : net.named_parameters())
    EXPECT_EQ(named.parameter->home(), device) << named.path;
  EXPECT_EQ(net.normalization.avg_mean.device(), device);
  EXPECT_EQ(net.normalization.avg_var.device(), device);
  EXPECT_EQ(net.normalization.N.device(), Device{});
}

TEST(LinkCopiesTest, ACopyIsWhereTheOriginalIs) {
  const SimulatedGpus gpus(1);
  Net net;
  net.to(kGpu);
  net.normalization.avg_mean.fill(0.5);
  for (const CopyMode mode : {CopyMode::kCopy, CopyMode::kInit, CopyMode::kShare}) {
    SCOPED_TRACE(static_cast<int>(mode));
    const auto copy = clone(net, mode);
    expect_all_on(kGpu, *copy);
    EXPECT_THAT(to_vector<float>(copy->normalization.avg_mean), Each(mode == CopyMode::kInit ? 0.0f : 0.5f));
  }
}

TEST(LinkCopiesTest, ValuesThatAreTakenOverStayWhereTheLinkIs) {
  const SimulatedGpus gpus(1);
  Net here, there;
  there.to(kGpu);
  here.normalization.avg_mean.fill(2);
  there.copy_parameters(here);
  expect_all_on(kGpu, there);
  EXPECT_THAT(to_vector<float>(there.normalization.avg_mean), Each(2.0f));
  there.normalization.avg_mean.fill(3);
  here.copy_parameters(there);
  expect_all_on(Device{}, here);
  EXPECT_THAT(to_vector<float>(here.normalization.avg_mean), Each(3.0f));
}

}  // namespace
}  // namespace rensa
