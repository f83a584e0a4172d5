#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <memory>
#include <vector>

#include "comm/distributed_optimizer.h"
#include "comm/scatter_index.h"
#include "comm/self/self_communicator.h"
#include "core/autograd/parameter.h"
#include "core/functions/activation.h"
#include "core/functions/pooling.h"
#include "core/functions/softmax_cross_entropy.h"
#include "core/links/convolution_2d.h"
#include "core/links/linear.h"
#include "core/links/link.h"
#include "core/models/mlp.h"
#include "core/optimizers/momentum_sgd.h"
#include "tests/support/hashed_numbers.h"

namespace rensa::testing {

struct DataParallelTask {
  std::function<std::unique_ptr<UnaryLink>(Dtype)> make_model;
  Shape sample;  ///< the shape of one input
  std::int64_t classes = 10;
  std::int64_t global_batch = 25;  ///< parts differ on 2, 3 and 4 ranks
  ReducerOptions reducer = {.first_bucket_bytes = 4096, .bucket_bytes = 20000};
  std::function<std::unique_ptr<Optimizer>()> make_optimizer = [] {
    return std::make_unique<MomentumSgd>(MomentumSgdOptions{.lr = 0.05, .momentum = 0.9});
  };
};

/// Two convolutions and a pooling: a network without batch statistics, whose loss is the same on any number of ranks.
struct SmallConvNet : UnaryLink {
  Convolution2D conv1, conv2;
  Linear fc;
  explicit SmallConvNet(Dtype dtype)
      : conv1({.in = 3, .out = 8, .window = {.pad = {1, 1}}, .dtype = dtype}),
        conv2({.in = 8, .out = 12, .window = {.stride = {2, 2}}, .dtype = dtype}),
        fc({.in = 12, .out = 10, .dtype = dtype}) {
    add("conv1", conv1);
    add("conv2", conv2);
    add("fc", fc);
  }
  Variable forward(const Variable& x) override {
    const Variable h = functions::max_pooling_2d(functions::relu(conv1(x)));
    return fc(functions::global_average_pooling_2d(functions::relu(conv2(h))));
  }
};

inline DataParallelTask conv_net_task() {
  return {.make_model = [](Dtype dtype) { return std::make_unique<SmallConvNet>(dtype); }, .sample = {3, 12, 12}};
}

/// The loss of each step over the whole batch, trained by the ranks of `comm` together.
inline std::vector<double> train(const DataParallelTask& task, Communicator& comm, Dtype dtype, int steps) {
  seed_parameters(17 + static_cast<std::uint64_t>(comm.rank()));  // rank 0's weights must win
  const auto model = task.make_model(dtype);
  DistributedOptimizer optimizer(task.make_optimizer(), comm, task.reducer);
  optimizer.setup(*model);
  const IndexRange part = scatter_index(task.global_batch, comm);
  const std::int64_t size = part.end - part.begin, features = total_size(task.sample);
  std::vector<double> losses;
  for (int step = 0; step < steps; ++step) {
    const HashedNumbers pixels(2 * static_cast<std::uint64_t>(step)), labels(2 * static_cast<std::uint64_t>(step) + 1);
    std::vector<double> x;
    std::vector<std::int64_t> t;
    for (std::int64_t i = part.begin; i < part.end; ++i) {
      for (std::int64_t j = 0; j < features; ++j) x.push_back(pixels.uniform(i * features + j));
      t.push_back(labels.label(i, task.classes));
    }
    Shape shape = {size};
    for (const std::int64_t axis : task.sample) shape.push_back(axis);
    const Variable loss = functions::softmax_cross_entropy((*model)(array(x, shape).to(dtype)), array(t, {size}));
    const double share = static_cast<double>(size) / static_cast<double>(task.global_batch);
    loss.backward({.loss_scale = share * comm.size()});
    optimizer.update();
    const Array global = full({1}, share * loss.item<double>(), Dtype::kFloat64);
    comm.all_reduce(global);
    losses.push_back(global.item<double>());
  }
  return losses;
}

inline DataParallelTask mlp_task() {
  return {
      .make_model =
          [](Dtype dtype) {
            return std::make_unique<models::Mlp>(models::MlpOptions{.in = 20, .units = 40, .out = 10, .dtype = dtype});
          },
      .sample = {20}};
}

/// The losses of one rank on the whole batch, for comparison.
inline std::vector<double> train_alone(const DataParallelTask& task, Dtype dtype, int steps) {
  SelfCommunicator self;
  return train(task, self, dtype, steps);
}

inline void expect_same_losses(const std::vector<double>& found, const std::vector<double>& expected,
                               double tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_LE(std::abs(found[i] - expected[i]), tolerance * std::abs(expected[i])) << "step " << i;
  }
  EXPECT_LT(expected.back(), expected.front() * 1.2);
}

}  // namespace rensa::testing
