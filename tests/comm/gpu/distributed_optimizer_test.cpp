#include "comm/distributed_optimizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/communicators/create_communicator.h"
#include "comm/shm/thread_group.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/initializers/initializer.h"
#include "core/links/link.h"
#include "core/optimizers/sgd.h"
#include "tests/comm/gpu/simulated_gpus.h"
#include "tests/comm/gpu/simulated_nccl.h"

// The same training with parameters on the host and on simulated GPUs.

namespace rensa {
namespace {

using rensa::testing::NcclScope;
using rensa::testing::SimulatedGpus;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

struct Model : Link {
  Parameter a{Shape{70}, init::zeros()}, b{Shape{6, 50}, init::zeros()}, c{Shape{5}, init::zeros()};
  Model() {
    add("a", a);
    add("b", b);
    add("c", c);
  }
};

struct Case {
  const char* name;
  const char* communicator;
  ReducerOptions options;
  const char* wire = "";
};

/// The weights of rank `rank` after some steps, in which the gradient of each parameter is a small number that depends
/// on rank and step: exact in float16, and so are their means.
std::vector<float> trained(Communicator& comm, const Case& setting, Device device) {
  Model model;
  const std::vector<Parameter*> parameters = model.parameters();
  for (Parameter* parameter : parameters) {
    parameter->array().fill(comm.rank() + 1);  // rank 0's count
    parameter->set_array(parameter->array().to(device));
  }
  comm.config().set("allreduce_grad_dtype", setting.wire);
  DistributedOptimizer optimizer(Sgd({.lr = 0.5}), comm, setting.options);
  optimizer.setup(model);
  for (int step = 0; step < 4; ++step) {
    for (auto it = parameters.rbegin(); it != parameters.rend(); ++it) {
      const bool unused = step == 1 && *it == &model.b && comm.rank() == 1;
      if (unused) continue;
      const double slope = 4 * comm.rank() + 8 * step + static_cast<double>(it - parameters.rbegin());
      Variable y = functions::mul(**it, Variable(full((*it)->shape(), slope, Dtype::kFloat32, Device{}).to(device)));
      y.set_grad(Variable(ones(y.shape()).to(device)));
      y.backward();
    }
    optimizer.update();
  }
  optimizer.settle();
  std::vector<float> weights;
  for (const Parameter* parameter : parameters) {
    for (const float weight : to_vector<float>(parameter->array().to(Device{}))) weights.push_back(weight);
  }
  return weights;
}

std::vector<Case> cases() {
  const auto options = [](auto change) {
    ReducerOptions made;
    made.first_bucket_bytes = made.bucket_bytes = 300;  // several buckets
    change(made);
    return made;
  };
  const auto plain = [](ReducerOptions&) {};
  std::vector<Case> all;
  for (const char* communicator : {"pure_nccl", "hierarchical", "two_dimensional", "flat"}) {
    all.push_back({"plain", communicator, options(plain)});
    all.push_back({"float16_wire", communicator, options(plain), "float16"});
    all.push_back({"zero_1", communicator, options([](ReducerOptions& o) { o.zero = 1; })});
    all.push_back({"zero_2", communicator, options([](ReducerOptions& o) { o.zero = 2; })});
  }
  all.push_back({"late", "pure_nccl", options([](ReducerOptions& o) { o.overlap = false; })});
  all.push_back({"double_buffering", "pure_nccl", options([](ReducerOptions& o) { o.double_buffering = true; })});
  all.push_back({"carry_over", "pure_nccl", options([](ReducerOptions& o) { o.carry_over = true; })});
  return all;
}

class DistributedOptimizerOnGpusTest : public ::testing::TestWithParam<Case> {};

TEST_P(DistributedOptimizerOnGpusTest, TrainsLikeOnTheHost) {
  const Case& setting = GetParam();
  constexpr int kRanks = 4;
  std::vector<std::vector<float>> on_host(kRanks), on_gpus(kRanks);
  const ThreadOptions threads_options{.ranks_per_node = 2, .timeout_s = 60};
  run_on_threads(
      kRanks,
      [&](Communicator& threads) {
        const std::string name = setting.communicator == std::string("pure_nccl") ? "flat" : setting.communicator;
        const auto comm = compose_communicator(name, threads.split(0, threads.rank()));
        on_host[static_cast<std::size_t>(threads.rank())] = trained(*comm, setting, Device{});
      },
      threads_options);
  const SimulatedGpus gpus(kRanks);
  NcclScope nccl;
  nccl->shared().faults.asks_per_launch = 2;
  run_on_threads(
      kRanks,
      [&](Communicator& threads) {
        const auto comm = compose_communicator(setting.communicator, threads.split(0, threads.rank()));
        const Device device{DeviceKind::kCuda, threads.rank()};
        on_gpus[static_cast<std::size_t>(threads.rank())] = trained(*comm, setting, device);
      },
      threads_options);
  EXPECT_NE(on_gpus[0][0], 1) << "nothing was learned";
  for (std::size_t r = 0; r < kRanks; ++r) EXPECT_EQ(on_gpus[r], on_host[0]) << "rank " << r;
}

TEST(PureNcclTest, TrainsNoModelThatIsOnTheHost) {
  const SimulatedGpus gpus(2);
  NcclScope nccl;
  run_on_threads(2, [](Communicator& threads) {
    const auto comm = compose_communicator("pure_nccl", threads.split(0, threads.rank()));
    Model model;
    DistributedOptimizer optimizer(Sgd({.lr = 0.5}), *comm);
    EXPECT_THAT([&] { optimizer.setup(model); },
                ThrowsMessage<DeviceError>(AllOf(HasSubstr("on the CPU"), HasSubstr("communicator auto"))));
    EXPECT_TRUE(optimizer.arenas().empty()) << "refused before anything is set up";
  });
}

INSTANTIATE_TEST_SUITE_P(All, DistributedOptimizerOnGpusTest, ::testing::ValuesIn(cases()),
                         [](const auto& each) { return detail::join(each.param.communicator, "_", each.param.name); });

}  // namespace
}  // namespace rensa
