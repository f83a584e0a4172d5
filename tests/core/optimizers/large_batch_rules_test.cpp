// The update rules of very large batches, against their formulas written out number by number.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/optimizers/adaptive.h"
#include "core/optimizers/layerwise.h"
#include "core/optimizers/make_optimizer.h"

namespace rensa {
namespace {

struct TwoParameters : Link {
  Parameter W, b;
  TwoParameters() : W({2, 3}, init::zeros(), Dtype::kFloat64), b({3}, init::zeros(), Dtype::kFloat64) {
    add("W", W);
    add("b", b);
    for (Parameter* p : {&W, &b}) {
      for (std::int64_t i = 0; i < p->array().size(); ++i)
        p->array().data<double>()[i] = 0.3 * static_cast<double>(i + 1);
    }
  }
};

double gradient(int step, std::int64_t i) { return std::sin(0.7 * step + 1.3 * static_cast<double>(i)); }

void step_with(Optimizer& optimizer, TwoParameters& model, int step) {
  for (Parameter* p : {&model.W, &model.b}) {
    const Array g = zeros(p->shape(), Dtype::kFloat64);
    for (std::int64_t i = 0; i < g.size(); ++i) g.data<double>()[i] = gradient(step, i);
    p->set_grad(Variable(g));
  }
  optimizer.update();
}

TEST(RmsPropWarmupTest, GoesFromRmspropToSgdAsThePaperSays) {
  const RmsPropWarmupOptions o{
      .lr = 0.5, .momentum = 0.9, .alpha = 0.99, .eps = 1e-8, .rmsprop_lr = 0.01, .centre = 20, .period = 10};
  TwoParameters model;
  RmsPropWarmup optimizer(o);
  optimizer.setup(model);
  const std::vector<double> start = to_vector<double>(model.W.array());
  std::vector<double> p = start, v(p.size()), ms(p.size());
  for (int t = 1; t <= 40; ++t) {
    step_with(optimizer, model, t);
    const double a = t < 20 ? std::exp(2 * (t - 20) / 10.0) / 2 : std::min(1.0, 0.5 + (t - 20) / 10.0);
    for (std::size_t i = 0; i < p.size(); ++i) {
      const double g = gradient(t, static_cast<std::int64_t>(i));
      ms[i] = 0.99 * ms[i] + 0.01 * g * g;
      v[i] = 0.9 * v[i] - (a + (1 - a) * o.rmsprop_lr / o.lr / (std::sqrt(ms[i]) + 1e-8)) * g;
      p[i] += o.lr * v[i];
    }
    const std::vector<double> found = to_vector<double>(model.W.array());
    for (std::size_t i = 0; i < p.size(); ++i) ASSERT_NEAR(found[i], p[i], 1e-12) << "step " << t;
  }
  EXPECT_EQ(optimizer.sgd_share(25), 1);
  EXPECT_DOUBLE_EQ(optimizer.sgd_share(20), 0.5);
  EXPECT_LT(optimizer.sgd_share(1), 0.02);
}

TEST(RmsPropWarmupTest, WithoutAPeriodItChangesAtOnce) {
  const RmsPropWarmup optimizer({.centre = 20});
  EXPECT_EQ(optimizer.sgd_share(19), 0);
  EXPECT_EQ(optimizer.sgd_share(20), 1);
}

TEST(RmsPropWarmupTest, WithoutACentreItIsCorrectedMomentum) {
  TwoParameters model, same;
  RmsPropWarmup optimizer({.lr = 0.1});
  CorrectedMomentumSgd plain({.lr = 0.1});
  optimizer.setup(model);
  plain.setup(same);
  for (int t = 1; t <= 10; ++t) {
    step_with(optimizer, model, t);
    step_with(plain, same, t);
  }
  EXPECT_EQ(to_vector<double>(model.W.array()), to_vector<double>(same.W.array()));
}

TEST(CorrectedLarsTest, IsLarsUntilTheRateChangesAndThenActsAtOnce) {
  const LarsOptions o{.lr = 2, .momentum = 0.9, .trust = 0.01, .weight_decay_rate = 1e-3};
  TwoParameters model, same;
  model.b.weight_decay_scale = same.b.weight_decay_scale = 0;
  CorrectedLars corrected(o);
  Lars plain(o);
  corrected.setup(model);
  plain.setup(same);
  for (int t = 1; t <= 10; ++t) {
    step_with(corrected, model, t);
    step_with(plain, same, t);
  }
  const std::vector<double> a = to_vector<double>(model.W.array()), b = to_vector<double>(same.W.array());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-12);
  // with a rate of 0 the corrected one stands still, and the other goes on by what momentum has gathered
  corrected.set_lr(0);
  plain.set_lr(0);
  step_with(corrected, model, 11);
  step_with(plain, same, 11);
  EXPECT_EQ(to_vector<double>(model.W.array()), a);
  EXPECT_NE(to_vector<double>(same.W.array()), b);
}

TEST(LargeBatchRulesTest, AreMadeByName) {
  EXPECT_STREQ(make_optimizer("rmsprop_warmup", {.lr = 1, .rmsprop_lr = 1e-4, .centre = 3, .period = 2})->name(),
               "rmsprop_warmup");
  EXPECT_STREQ(make_optimizer("corrected_lars", {.lr = 1, .eta = 0.01})->name(), "corrected_lars");
}

}  // namespace
}  // namespace rensa
