#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "comm/distributed_optimizer.h"
#include "comm/gradients/compression/gradient_compression.h"
#include "comm/shm/thread_group.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/reduction.h"
#include "core/optimizers/sgd.h"
#include "tests/support/data_parallel_training.h"

namespace rensa {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// A matrix, a convolution's weight and a bias.
struct Weights : Link {
  Parameter W, C, b;
  explicit Weights(Dtype dtype)
      : W({24, 40}, init::zeros(), dtype), C({16, 4, 3, 3}, init::zeros(), dtype), b({24}, init::zeros(), dtype) {
    add("W", W);
    add("C", C);
    add("b", b);
  }
};

std::vector<double> values_of(Weights& model) {
  std::vector<double> all;
  for (const Parameter* parameter : model.parameters()) {
    for (const double value : to_vector<double>(parameter->array())) all.push_back(value);
  }
  return all;
}

/// Gradients of a rank that stay the same in every step.
Variable loss(Weights& model, int rank) {
  Variable sum;
  std::uint64_t number = static_cast<std::uint64_t>(100 * rank);
  for (Parameter* parameter : model.parameters()) {
    const rensa::testing::HashedNumbers numbers(++number);
    std::vector<double> factors;
    for (std::int64_t i = 0; i < parameter->size(); ++i) factors.push_back(numbers.uniform(i) - 0.3);
    const Variable term =
        functions::sum(*parameter * Variable(array(factors, parameter->shape()).to(parameter->dtype())));
    sum = sum ? sum + term : term;
  }
  return sum;
}

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) squares += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(squares);
}

class CompressionTest : public ::testing::TestWithParam<std::tuple<const char*, Dtype, int>> {};

TEST_P(CompressionTest, WhatIsLeftOutComesInLaterSteps) {
  const auto& [name, dtype, ranks] = GetParam();
  run_on_threads(ranks, [&, name = name, dtype = dtype](Communicator& comm) {
    // w after n steps of rate 1 / n is minus the mean of what arrived
    const auto arrived = [&](int steps, std::shared_ptr<GradientCompression> compression) {
      Weights model(dtype);
      DistributedOptimizer optimizer(Sgd({.lr = 1.0 / steps}), comm,
                                     {.bucket_bytes = 3000, .compression = std::move(compression)});
      optimizer.setup(model);
      for (int i = 0; i < steps; ++i) {
        loss(model, comm.rank()).backward();
        optimizer.update();
      }
      return values_of(model);
    };
    const auto expected = arrived(1, nullptr);
    const double few = distance(arrived(20, make_compression(name)), expected);
    const double many = distance(arrived(80, make_compression(name)), expected);
    EXPECT_GT(few, 0);
    EXPECT_LT(many, 0.4 * few);  // the remainder is bounded: its share falls as 1 / steps
  });
}

TEST_P(CompressionTest, EveryRankGetsTheSameBitsAndSendsLess) {
  const auto& [name, dtype, ranks] = GetParam();
  run_on_threads(ranks, [&, name = name, dtype = dtype](Communicator& comm) {
    Weights model(dtype);
    DistributedOptimizer optimizer(Sgd({.lr = 0.1}), comm,
                                   {.bucket_bytes = 3000, .compression = make_compression(name)});
    optimizer.setup(model);
    std::size_t whole = 0;
    for (int i = 0; i < 3; ++i) {
      loss(model, comm.rank()).backward();
      optimizer.update();
      if (i == 0) {
        whole = optimizer.reducer().last_sent_bytes();
      } else {
        EXPECT_LT(optimizer.reducer().last_sent_bytes(), whole * 4 / 10);
        EXPECT_GT(optimizer.reducer().last_sent_bytes(), 0u);
      }
    }
    EXPECT_GE(whole, static_cast<std::size_t>(model.count_parameters()) * item_size(dtype));
    for (const Parameter* parameter : model.parameters()) {
      Array all = empty({comm.size(), parameter->size()}, dtype);
      comm.all_gather(parameter->array().contiguous(), all);
      EXPECT_EQ(to_vector<double>(all.select(0, 0)), to_vector<double>(all.select(0, comm.size() - 1)));
    }
  });
}

TEST_P(CompressionTest, WhatIsLeftOutHasNoLossScale) {
  const auto& [name, dtype, ranks] = GetParam();
  run_on_threads(ranks, [&, name = name, dtype = dtype](Communicator& comm) {
    const auto trained = [&](bool scale_changes) {
      Weights model(dtype);
      DistributedOptimizer optimizer(Sgd({.lr = 0.1}), comm,
                                     {.bucket_bytes = 3000, .compression = make_compression(name)});
      optimizer.setup(model);
      for (int i = 0; i < 5; ++i) {
        if (scale_changes) optimizer.set_loss_scale(std::exp2(3 * i));
        optimizer.backward(loss(model, comm.rank()));
        optimizer.update();
      }
      return values_of(model);
    };
    EXPECT_EQ(trained(true), trained(false));
  });
}

INSTANTIATE_TEST_SUITE_P(All, CompressionTest,
                         ::testing::Combine(::testing::Values("power_sgd:2", "top_k:0.05", "one_bit"),
                                            ::testing::Values(Dtype::kFloat32, Dtype::kFloat64),
                                            ::testing::Values(2, 3)));

TEST(PowerSgdTest, IsExactWhereTheRankSuffices) {
  run_on_threads(3, [](Communicator& comm) {
    Weights model(Dtype::kFloat64);
    DistributedOptimizer optimizer(Sgd({.lr = 1}), comm, {.compression = make_compression("power_sgd:2")});
    optimizer.setup(model);
    for (int step = 0; step < 3; ++step) {  // W's gradient: 1 + rank everywhere, of rank 1
      functions::sum(model.W * (1.0 + comm.rank())).backward();
      optimizer.update();
    }
    for (const double value : to_vector<double>(model.W.array())) EXPECT_NEAR(value, -6, 1e-12);
  });
}

TEST(PowerSgdTest, RecoversFromAGradientOfZerosOrOfASmallerRank) {
  run_on_threads(2, [](Communicator& comm) {
    Weights model(Dtype::kFloat64);
    DistributedOptimizer optimizer(Sgd({.lr = 1}), comm, {.compression = make_compression("power_sgd:2")});
    optimizer.setup(model);
    const Array two = zeros({24, 40}, Dtype::kFloat64);  // of rank 2
    two.data<double>()[0] = two.data<double>()[41] = 1;
    for (int step = 0; step < 12; ++step) {  // W has no gradient in step 3, and one of rank 1 in step 6
      const Variable gradient(step == 6 ? ones({24, 40}, Dtype::kFloat64) : two);
      const Variable of_bias = functions::sum(model.b * 1.0);
      (step == 3 ? of_bias : functions::sum(model.W * gradient) + of_bias).backward();
      optimizer.update();
    }
    const std::vector<double> W = to_vector<double>(model.W.array());
    EXPECT_NEAR(W[0], -11, 1e-9);
    EXPECT_NEAR(W[41], -11, 1e-9);
    EXPECT_NEAR(W[1], -1, 1e-9);
  });
}

TEST(CompressionTest, Refuses16Bits) {
  EXPECT_THAT(
      [] {
        run_on_threads(2, [](Communicator& comm) {
          Weights model(Dtype::kFloat16);
          DistributedOptimizer optimizer(Sgd({.lr = 1}), comm, {.compression = make_compression("one_bit")});
          optimizer.setup(model);
        });
      },
      ThrowsMessage<DtypeError>(AllOf(HasSubstr("one_bit"), HasSubstr("float16"))));
}

TEST(CompressionTest, TrainsANetworkAlmostAsWell) {
  for (const char* name : {"power_sgd:4", "top_k:0.1", "one_bit"}) {
    run_on_threads(2, [&](Communicator& comm) {
      auto task = rensa::testing::mlp_task();
      const double plain = rensa::testing::train(task, comm, Dtype::kFloat32, 60).back();
      task.reducer.compression = make_compression(name);
      const double compressed = rensa::testing::train(task, comm, Dtype::kFloat32, 60).back();
      EXPECT_NEAR(compressed, plain, 0.15 * plain) << name;
    });
  }
}

TEST(MakeCompressionTest, NamesWhatItTakes) {
  EXPECT_EQ(make_compression("none"), nullptr);
  EXPECT_EQ(make_compression("top_k:0.5")->name(), "top_k");
  EXPECT_THAT([] { make_compression("zip"); }, ThrowsMessage<ValueError>(HasSubstr("power_sgd")));
  EXPECT_THAT([] { make_compression("power_sgd:x"); }, ThrowsMessage<ValueError>(HasSubstr("number")));
  EXPECT_THROW(make_compression("power_sgd:0"), ValueError);
  EXPECT_THROW(make_compression("top_k:2"), ValueError);
}

}  // namespace
}  // namespace rensa
