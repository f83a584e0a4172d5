// Extensions that look at the weights: ParameterStatistics, VariableStatisticsPlot, FailOnNonNumber, MicroAverage.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>

#include "comm/self/self_communicator.h"
#include "comm/shm/thread_group.h"
#include "core/error.h"
#include "tests/support/scratch_folder.h"
#include "tests/trainer/counting_updater.h"
#include "trainer/extensions/allreduce_persistent.h"
#include "trainer/extensions/fail_on_non_number.h"
#include "trainer/extensions/log_report.h"
#include "trainer/extensions/observe_value.h"
#include "trainer/extensions/parameter_statistics.h"
#include "trainer/extensions/snapshot.h"
#include "trainer/extensions/variable_statistics_plot.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using testing::CountingUpdater;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Pair;
using ::testing::ThrowsMessage;

TEST(ParameterStatisticsTest, AreNumpys) {
  const auto found = statistics_of(array(std::vector<float>{0, 4, 1, 3, 0}, {5}), {0, 50, 90, 100});
  EXPECT_THAT(
      found, ElementsAre(Pair("max", 4), Pair("mean", DoubleNear(1.6, 1e-12)), Pair("min", 0), Pair("percentile/0", 0),
                         Pair("percentile/1", 1), Pair("percentile/2", DoubleNear(3.6, 1e-12)), Pair("percentile/3", 4),
                         Pair("std", DoubleNear(std::sqrt(2.64), 1e-12)), Pair("zeros", 2)));
  EXPECT_THAT(statistics_of(zeros({0}), {50}), IsEmpty());
}

/// The one step that CountingUpdater does not make: gradients of 2 for every weight.
class UpdatingUpdater final : public CountingUpdater {
 public:
  void update(Observation& observation) override {
    CountingUpdater::update(observation);
    for (Parameter* parameter : model().parameters()) parameter->set_grad(Variable(full(parameter->shape(), 2)));
    optimizer().update();
  }
};

TEST(ParameterStatisticsTest, ReportsWeightsAndTheGradientsOfTheLastStep) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  UpdatingUpdater updater;
  Trainer trainer(updater, {4, Unit::kIteration}, folder / "out", self);
  trainer.extend(std::make_unique<ParameterStatistics>(
      ParameterStatisticsOptions{.trigger = {2, Unit::kIteration}, .prefix = "model/", .gradients = true}));
  auto& log = dynamic_cast<LogReport&>(trainer.extend(std::make_unique<LogReport>(Trigger{4, Unit::kIteration})));
  trainer.run();
  ASSERT_EQ(log.log().size(), 1u);
  EXPECT_THAT(log.log()[0], AllOf(Contains(Pair("model/W/grad/mean", 2.0)), Contains(Pair("model/b/grad/std", 0.0)),
                                  Contains(Key("model/W/data/percentile/6"))));
}

TEST(VariableStatisticsPlotTest, DrawsTheElementsOfAllParametersAndGoesOnAfterAResume) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  const auto run = [&](double iterations, bool resumed) {
    CountingUpdater updater;
    Trainer trainer(updater, {iterations, Unit::kIteration}, folder / "out", self);
    trainer.extend(std::make_unique<VariableStatisticsPlot>(
        VariableStatisticsPlotOptions{.trigger = {2, Unit::kIteration}, .percentiles = {2.28, 50}}));
    trainer.extend(std::make_unique<Snapshot>());
    if (resumed) resume(trainer, newest_snapshot(folder / "out"));
    trainer.run();
    std::ifstream file(folder / "out/statistics.svg");
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const std::string half = run(4, /*resumed=*/false), whole = run(8, /*resumed=*/true);
  EXPECT_THAT(half, AllOf(HasSubstr("<svg xmlns"), HasSubstr("mean"), HasSubstr("std"), HasSubstr("2.28 %")));
  const auto points = [](const std::string& svg) {  // of the first line
    const std::size_t begin = svg.find("points=\"");
    const std::string list = svg.substr(begin, svg.find('"', begin + 8) - begin);
    return std::count(list.begin(), list.end(), ',');
  };
  EXPECT_EQ(points(half), 2);
  EXPECT_EQ(points(whole), 4);
}

TEST(ParameterStatisticsTest, AnErrorBeforeItsTurnStaysTheOneToTell) {
  struct Refusing final : Extension {
    std::string name() const override { return "Refusing"; }
    void initialize(Trainer&) override { throw ValueError("planted"); }
    void operator()(Trainer&) override {}
    void finalize(Trainer&) override { throw ValueError("a consequence"); }
  };
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  UpdatingUpdater updater;
  Trainer trainer(updater, {4, Unit::kIteration}, folder / "out", self);
  trainer.extend(std::make_unique<Refusing>(), {.priority = Extension::kWriter + 1});
  trainer.extend(std::make_unique<ParameterStatistics>(ParameterStatisticsOptions{.gradients = true}));
  EXPECT_THAT([&] { trainer.run(); }, ThrowsMessage<ValueError>(HasSubstr("planted")));
}

TEST(FailOnNonNumberTest, NamesTheWeight) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  UpdatingUpdater updater;
  Trainer trainer(updater, {1, Unit::kEpoch}, folder / "out", self);
  trainer.extend(std::make_unique<FailOnNonNumber>(), {.trigger = Trigger{2, Unit::kIteration}});
  EXPECT_NO_THROW(trainer.run());
  updater.model().parameters()[1]->array().fill(std::nan(""));
  Trainer again(updater, {2, Unit::kEpoch}, folder / "out", self);
  again.extend(std::make_unique<FailOnNonNumber>(), {.trigger = Trigger{2, Unit::kIteration}});
  EXPECT_THAT([&] { again.run(); },
              ThrowsMessage<ValueError>(AllOf(HasSubstr("the weight b"), HasSubstr("iteration 12"))));
}

TEST(MicroAverageTest, DividesTheSums) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  CountingUpdater updater;
  Trainer trainer(updater, {4, Unit::kIteration}, folder / "out", self);
  const auto iteration = [](Trainer& t) { return static_cast<double>(t.updater().iteration()); };
  trainer.extend(std::make_unique<ObserveValue>("right", [&](Trainer& t) { return iteration(t); }));
  trainer.extend(
      std::make_unique<ObserveValue>("tokens", [&](Trainer& t) { return 10 * iteration(t) * iteration(t); }));
  trainer.extend(std::make_unique<MicroAverage>("right", "tokens", "accuracy", Trigger{4, Unit::kIteration}));
  auto& log = dynamic_cast<LogReport&>(trainer.extend(std::make_unique<LogReport>(Trigger{4, Unit::kIteration})));
  trainer.run();
  ASSERT_EQ(log.log().size(), 1u);
  EXPECT_NEAR(log.log()[0].at("accuracy"), 10.0 / 300.0, 1e-12);
}

/// A model with one running statistic.
class PersistentUpdater final : public CountingUpdater {
 public:
  struct Model : Link {
    Array mean = zeros({2});
    Model() { add_persistent("mean", mean); }
  };
  Link& model() override { return persistent_; }
  Model persistent_;
};

TEST(AllreducePersistentTest, GivesAllRanksTheMean) {
  const testing::ScratchFolder folder;
  run_on_threads(3, [&](Communicator& comm) {
    PersistentUpdater updater;
    updater.persistent_.mean.fill(comm.rank());
    Trainer trainer(updater, {1, Unit::kEpoch}, folder / "out", comm);
    trainer.extend(std::make_unique<AllreducePersistent>());
    trainer.run();
    EXPECT_THAT(to_vector<float>(updater.persistent_.mean), ElementsAre(1, 1));
  });
}

}  // namespace
}  // namespace rensa
