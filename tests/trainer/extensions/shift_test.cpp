#include "trainer/extensions/shift.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "comm/self/self_communicator.h"
#include "core/error.h"
#include "core/serializers/npz.h"
#include "tests/support/scratch_folder.h"
#include "tests/trainer/counting_updater.h"
#include "trainer/extensions/snapshot.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

using testing::CountingUpdater;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(ShiftTest, FormulasAreChainers) {
  EXPECT_DOUBLE_EQ(exponential_shift(0.5)(8, 3), 1);
  EXPECT_DOUBLE_EQ(exponential_shift(0.5, 2)(8, 3), 2);
  EXPECT_DOUBLE_EQ(exponential_shift(2, 20)(8, 3), 20);
  EXPECT_DOUBLE_EQ(inverse_shift(0.1, 2)(3, 10), 0.75);
  EXPECT_DOUBLE_EQ(inverse_shift(0.1, 2, 1)(3, 10), 1);
  const ShiftFormula line = linear_shift(1, 3, 10, 20);
  EXPECT_DOUBLE_EQ(line(99, 5), 1);
  EXPECT_DOUBLE_EQ(line(99, 15), 2);
  EXPECT_DOUBLE_EQ(line(99, 25), 3);
  const ShiftFormula steps = multistep_shift(0.1, {3, 6});
  EXPECT_DOUBLE_EQ(steps(1, 2), 1);
  EXPECT_DOUBLE_EQ(steps(1, 3), 0.1);
  EXPECT_DOUBLE_EQ(steps(1, 9), 0.1 * 0.1);
  EXPECT_DOUBLE_EQ(polynomial_shift(2, 10)(4, 5), 1);
  EXPECT_DOUBLE_EQ(polynomial_shift(2, 10)(4, 15), 0);
  EXPECT_DOUBLE_EQ(polynomial_shift(2, 10, 2)(4, 9), 2);
  EXPECT_DOUBLE_EQ(step_shift(0.5, 3)(8, 7), 2);
  EXPECT_DOUBLE_EQ(warmup_shift(1, 4)(9, 1), 3);
  EXPECT_DOUBLE_EQ(warmup_shift(1, 4)(9, 5), 9);
}

TEST(ShiftTest, RefusesWhatMeansNothing) {
  EXPECT_THAT([] { exponential_shift(-1); }, ThrowsMessage<ValueError>(HasSubstr("the rate is -1")));
  EXPECT_THAT([] { linear_shift(0, 1, 5, 2); }, ThrowsMessage<ValueError>(HasSubstr("from 5 to 2")));
  EXPECT_THAT([] { step_shift(1, 0); }, ThrowsMessage<ValueError>(HasSubstr("step 0")));
  EXPECT_THAT([] { warmup_shift(0, 0); }, ThrowsMessage<ValueError>(HasSubstr("0 iterations")));
  EXPECT_THAT([] { polynomial_shift(1, 0); }, ThrowsMessage<ValueError>(HasSubstr("max_count 0")));
}

double rate_after(const std::string& out, int iterations, const std::string& from = "") {
  SelfCommunicator self;
  CountingUpdater updater;
  updater.optimizer().set_lr(0.8);
  Trainer trainer(updater, {static_cast<double>(iterations), Unit::kIteration}, out, self);
  trainer.extend(std::make_unique<Shift>(exponential_shift(0.5)), {.trigger = Trigger{2, Unit::kIteration}});
  trainer.extend(std::make_unique<Snapshot>(), {.trigger = Trigger{static_cast<double>(iterations), Unit::kIteration}});
  if (!from.empty()) resume(trainer, from);
  trainer.run();
  return updater.optimizer().lr();
}

TEST(ShiftTest, SetsTheLearningRateAndGoesOnAfterAResume) {
  const testing::ScratchFolder folder;
  EXPECT_DOUBLE_EQ(rate_after(folder / "whole", 8), 0.05);
  EXPECT_DOUBLE_EQ(rate_after(folder / "half", 5), 0.2);
  EXPECT_DOUBLE_EQ(rate_after(folder / "resumed", 8, folder / "half/snapshot_iter_5"), 0.05);
}

TEST(ShiftTest, TwoOfThemHaveANameEach) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  double weight_decay = 1;
  const auto run = [&](int iterations, bool resumed) {
    CountingUpdater updater;
    updater.optimizer().set_lr(0.8);
    weight_decay = 1;
    Trainer trainer(updater, {static_cast<double>(iterations), Unit::kIteration}, folder / "out", self);
    trainer.extend(std::make_unique<Shift>(exponential_shift(0.5)), {.trigger = Trigger{2, Unit::kIteration}});
    const ShiftedValue decay{"lr", [&](Trainer&) { return weight_decay; },
                             [&](Trainer&, double value) { weight_decay = value; }};
    trainer.extend(std::make_unique<Shift>(exponential_shift(0.1), std::nullopt, decay));
    EXPECT_THAT([&] { trainer.extend(std::make_unique<Shift>(step_shift(0.5, 1)), {.name = "Shift_lr"}); },
                ThrowsMessage<ValueError>(HasSubstr("named \"Shift_lr\" already")));
    trainer.extend(std::make_unique<Snapshot>());
    if (resumed) resume(trainer, newest_snapshot(folder / "out"));
    trainer.run();
    return updater.optimizer().lr();
  };
  run(2, /*resumed=*/false);
  const std::vector<std::string> keys = NpzReader(newest_snapshot(folder / "out")).keys();
  for (const std::string name : {"extensions/Shift_lr/", "extensions/Shift_lr_1/"}) {
    EXPECT_TRUE(std::ranges::any_of(keys, [&](const std::string& key) { return key.starts_with(name); })) << name;
  }
  EXPECT_DOUBLE_EQ(run(4, /*resumed=*/true), 0.2);
  EXPECT_NEAR(weight_decay, 1e-4, 1e-12);
}

}  // namespace
}  // namespace rensa
