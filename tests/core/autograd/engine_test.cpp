#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <sstream>
#include <string>

#include "core/autograd/anomaly_mode.h"
#include "core/autograd/function_hook.h"
#include "core/autograd/gradient_check.h"
#include "core/autograd/graph.h"
#include "core/autograd/parameter.h"
#include "core/device/allocator.h"
#include "core/error.h"
#include "core/functions/activation.h"
#include "core/functions/arithmetic.h"
#include "core/functions/batch_normalization.h"
#include "core/functions/dropout.h"
#include "core/functions/forget.h"
#include "core/functions/linear.h"
#include "core/functions/math.h"
#include "core/functions/normalization.h"
#include "core/functions/reduction.h"
#include "core/functions/trigonometry.h"
#include "core/links/linear.h"
#include "core/optimizers/sgd.h"
#include "tests/support/emulated_gpu.h"

namespace rensa {
namespace {

namespace F = functions;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Variable leaf(const Shape& shape, std::uint64_t seed) {
  return Variable(random_array(shape, seed), /*requires_grad=*/true);
}

TEST(ForgetTest, GivesTheSameGradientsAsKeepingEverything) {
  const auto gradients = [](bool forgetful) {
    const Variable x = leaf({3, 4}, 1), W = leaf({5, 4}, 2), V = leaf({2, 5}, 3);
    random_context() = {.seed = 3, .step = 1, .first_sample = 0, .uses = 0};
    const auto body = [&](const Variable& v) { return F::linear(F::dropout(F::tanh(F::linear(v, W))), V); };
    const Variable y = forgetful ? F::forget(body, x) : body(x);
    F::sum(F::square(y) + F::linear(x, F::linear(V, F::square(W).array().transpose().copy()))).backward();
    return std::vector<std::vector<double>>{to_vector<double>(y.array()), to_vector<double>(x.grad()),
                                            to_vector<double>(W.grad()), to_vector<double>(V.grad())};
  };
  EXPECT_EQ(gradients(true), gradients(false));
}

TEST(ForgetTest, HooksOfParametersRunOnceWhenTheGradientIsWhole) {
  Parameter w({2, 2}, init::constant(0.5), Dtype::kFloat64);
  std::vector<double> seen;
  w.on_gradient([&](const Variable& v) {
    EXPECT_TRUE(seen.empty());
    seen = to_vector<double>(v.grad());
  });
  const Variable x = leaf({1, 2}, 1);
  const Variable inside = F::forget([&](const Variable& v) { return F::linear(v, w); }, x);
  F::sum(F::linear(inside, w)).backward();
  EXPECT_EQ(seen, to_vector<double>(w.grad()));
}

TEST(ForgetTest, KeepsLessInMemory) {
  const auto kept = [](bool forgetful) {
    const Variable x = leaf({100, 100}, 1);
    const std::size_t before = allocator({}).statistics().in_use;
    const auto body = [](const Variable& v) {
      Variable h = v;
      for (int i = 0; i < 10; ++i) h = F::tanh(F::sin(h));
      return h;
    };
    const Variable y = forgetful ? F::forget(body, x) : body(x);
    return allocator({}).statistics().in_use - before;
  };
  EXPECT_LT(kept(true) * 5, kept(false));
}

TEST(ForgetTest, RunningStatisticsMoveOnce) {
  Array mean = zeros({2}, Dtype::kFloat64), var = ones({2}, Dtype::kFloat64), other_mean = mean.copy(),
        other_var = var.copy();
  const Variable x = leaf({4, 2}, 1), gamma = leaf({2}, 2), beta = leaf({2}, 3);
  F::sum(F::forget([&](const Variable& v) { return F::batch_normalization(v, gamma, beta, &mean, &var); }, x))
      .backward();
  F::batch_normalization(x, gamma, beta, &other_mean, &other_var);
  EXPECT_EQ(to_vector<double>(mean), to_vector<double>(other_mean));
}

TEST(ForgetTest, AWeightWithAPlaceForItsGradientMayBeUsedTwice) {
  const auto gradient = [](bool forgetful) {
    seed_parameters(1);
    Linear linear({.in = 2, .out = 2});
    Sgd optimizer({.lr = 0.1});
    optimizer.setup(linear);
    const auto body = [&](const Variable& v) { return linear(F::tanh(linear(v))); };
    const Variable x(array<float>({1, 2}, {1, 2}));
    F::sum(forgetful ? F::forget(body, x) : body(x)).backward();
    return to_vector<float>(linear.W.grad());
  };
  EXPECT_EQ(gradient(true), gradient(false));
}

TEST(ForgetTest, AnInputThatIsCapturedTooGetsBothGradients) {
  const Variable w(array<double>({2, 3}), true);
  F::sum(F::forget([&](const Variable& v) { return v * w; }, w)).backward();
  EXPECT_THAT(to_vector<double>(w.grad()), ElementsAre(4, 6));
}

TEST(ForgetTest, WhatWasComputedBeforeMayBeCapturedAndUsedElsewhere) {
  const Variable w(array<double>({2, 3}), true), x(array<double>({1, 5}), true);
  const Variable h = F::square(w);
  const auto body = [&](const Variables& v) { return Variables{v[0] * h * w, h}; };
  const Variables y = F::forget(body, {x});
  F::sum(y[0] + y[1] + h).backward();  // x w³ + 2 w²
  EXPECT_THAT(to_vector<double>(w.grad()), ElementsAre(3 * 4 + 4 * 2, 3 * 9 * 5 + 4 * 3));
  EXPECT_THAT(to_vector<double>(x.grad()), ElementsAre(8, 27));
}

TEST(ForgetTest, OneMayBeInsideAnother) {
  const Variable w(array<double>({2, 3}), true), x(array<double>({1, 5}), true);
  const Variable h = F::square(w);
  const auto inner = [&](const Variable& v) { return v * h; };
  const auto outer = [&](const Variable& v) { return F::forget(inner, v * w) * h; };
  F::sum(F::forget(outer, x) + h).backward();  // x w⁵ + w²
  EXPECT_THAT(to_vector<double>(w.grad()), ElementsAre(5 * 16 + 4, 5 * 81 * 5 + 6));
  EXPECT_THAT(to_vector<double>(x.grad()), ElementsAre(32, 243));
}

TEST(ForgetTest, RefusesWhatNobodyHoldsAnyMore) {
  const Variable x = leaf({2}, 1), w = leaf({2}, 2);
  Variable state = F::exp(w);
  const auto step = [&](const Variable& v) { return state = state * v; };
  EXPECT_THAT([&] { F::forget(step, x); },
              ThrowsMessage<GraphError>(AllOf(HasSubstr("an output of exp"), HasSubstr("as an input"))));
}

TEST(ForgetTest, BatchRenormalizationCorrectsByTheStatisticsOfItsFirstRun) {
  const auto gradients = [](bool forgetful) {
    Array mean = zeros({1}, Dtype::kFloat64), var = ones({1}, Dtype::kFloat64);
    const Variable x(array<double>({1, 2, 3, 10}, {4, 1}), true), gamma(ones({1}, Dtype::kFloat64), true),
        beta(zeros({1}, Dtype::kFloat64), true), gy(array<double>({1, -2, 3, 4}, {4, 1}));
    const std::function<Variable(const Variable&)> body = [&](const Variable& v) {
      return F::batch_renormalization(v, gamma, beta, mean, var, {.rmax = 3, .dmax = 5, .update_statistics = true});
    };
    const auto inside = [&](const Variable& v) { return F::forget(body, v); };
    F::sum((forgetful ? F::forget(inside, x) : body(x)) * gy).backward();
    return std::vector<std::vector<double>>{to_vector<double>(x.grad()), to_vector<double>(gamma.grad()),
                                            to_vector<double>(mean)};
  };
  EXPECT_EQ(gradients(true), gradients(false));
}

TEST(ForgetTest, RefusesAGradientOfItsGradient) {
  const Variable x = leaf({2}, 1);
  const Variable y = F::sum(F::forget([](const Variable& v) { return F::exp(v); }, x));
  EXPECT_THAT([&] { grad({y}, {x}, {}, {.enable_double_backprop = true}); },
              ThrowsMessage<GraphError>(HasSubstr("forget")));
}

TEST(GraphTest, LeavesAreFoundOnceAndTheDrawingNamesThem) {
  Variable x = leaf({2}, 1), w = leaf({2}, 2);
  x.set_name("x \"quoted\"");
  const Variable y = F::sum(x * w + F::exp(x));
  EXPECT_EQ(leaves_of({y}).size(), 2u);
  const std::string dot = graph_as_dot({y});
  EXPECT_THAT(dot, AllOf(HasSubstr("digraph"), HasSubstr("x \\\"quoted\\\" float64 (2,)"), HasSubstr("\"exp\""),
                         HasSubstr("\"sum\"")));
}

TEST(FunctionHookTest, TimerAndPrintSeeEveryOperation) {
  TimerHook timer;
  std::ostringstream printed;
  PrintHook printer(printed);
  const Variable x = leaf({2, 3}, 1);
  {
    const FunctionHookScope timed(timer), shown(printer);
    F::sum(F::exp(x)).backward();
  }
  F::exp(x);  // outside
  EXPECT_EQ(timer.entries().at("exp").forwards, 1u);
  EXPECT_EQ(timer.entries().at("exp").backwards, 1u);
  EXPECT_GT(timer.total_time_s(), 0);
  EXPECT_THAT(printed.str(),
              AllOf(HasSubstr("exp forward float64 (2, 3)\n"), HasSubstr("exp backward float64 (2, 3)\n")));
  std::ostringstream report;
  timer.report(report);
  EXPECT_THAT(report.str(), HasSubstr("exp"));
}

TEST(FunctionHookTest, MemoryIsCountedByOperation) {
  MemoryHook memory;
  const Variable x(zeros({1000}, Dtype::kFloat64));
  const FunctionHookScope scope(memory);
  const Variable y = F::exp(x);
  EXPECT_GE(memory.entries().at("exp").forward_bytes, 8000);
}

TEST(AnomalyModeTest, SeesWhatLiesOnAGpu) {
  const rensa::testing::EmulatedGpus gpus;
  const AnomalyMode scope;
  const Variable x(full({2}, -1.0, Dtype::kFloat64, {DeviceKind::kCuda, 0}));
  EXPECT_THAT([&] { F::log(x); }, ThrowsMessage<ValueError>(HasSubstr("log gave not-a-number")));
}

TEST(AnomalyModeTest, NamesTheOperationForwardAndBackward) {
  const AnomalyMode scope;
  EXPECT_THAT([] { F::log(Variable(full({2}, -1.0))); },
              ThrowsMessage<ValueError>(AllOf(HasSubstr("log gave not-a-number"), HasSubstr("(2,)"))));
  // 0 / 0 in the gradient of the square root, whose value is fine.
  const Variable x(zeros({3}, Dtype::kFloat64), /*requires_grad=*/true);
  EXPECT_THAT(
      [&] { F::sum(F::sqrt(x) * 0.0).backward(); },
      ThrowsMessage<ValueError>(AllOf(HasSubstr("the gradient of sqrt for its input 0"), HasSubstr("created by"))));
}

/// The list was two addresses of the stack once.
TEST(AnomalyModeTest, ListsTheCallsThatLedToTheOperation) {
  const AnomalyMode scope;
  const auto calls = [](const std::function<void()>& call) -> std::string {
    try {
      call();
    } catch (const ValueError& error) {
      return error.what();
    }
    return "(nothing was thrown)";
  };
  const Variable x(zeros({3}, Dtype::kFloat64), /*requires_grad=*/true);
  for (const std::string& message :
       {calls([] { F::log(Variable(full({2}, -1.0))); }), calls([&] { F::sum(F::sqrt(x) * 0.0).backward(); })}) {
    EXPECT_THAT(message, HasSubstr("core_test")) << "the program's own calls are in the list";
    EXPECT_GT(std::count(message.begin(), message.end(), '\n'), 4) << message;
  }
}

}  // namespace
}  // namespace rensa
