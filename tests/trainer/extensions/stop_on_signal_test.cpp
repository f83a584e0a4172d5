#include "trainer/extensions/stop_on_signal.h"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>

#include "comm/distributed_optimizer.h"
#include "comm/self/self_communicator.h"
#include "comm/shm/thread_group.h"
#include "core/error.h"
#include "core/models/mlp.h"
#include "core/models/model.h"
#include "core/optimizers/momentum_sgd.h"
#include "tests/support/scratch_folder.h"
#include "tests/trainer/counting_updater.h"
#include "trainer/datasets/array_dataset.h"
#include "trainer/iterators/multithread_iterator.h"
#include "trainer/trainer.h"
#include "trainer/triggers/early_stopping.h"

namespace rensa {
namespace {

/// Does something at one iteration, on each rank.
struct At final : Extension {
  At(std::int64_t iteration, std::function<void()> action) : iteration_(iteration), action_(std::move(action)) {}
  std::string name() const override { return "At"; }
  void operator()(Trainer& trainer) override {
    if (trainer.updater().iteration() == iteration_) action_();
  }
  const std::int64_t iteration_;
  const std::function<void()> action_;
};

struct Outcome {
  bool stopped = false;
  std::int64_t iteration = 0;
  std::vector<float> weights;
};

Outcome run(Communicator& comm, const std::string& out, StopOnSignalOptions options, std::unique_ptr<Extension> other,
            const std::string& resume_from = "") {
  seed_parameters(1);
  const Array x = arange(40).to(Dtype::kFloat32).reshape({20, 2}), t = zeros({20}, Dtype::kInt32);
  Classifier model(models::make_model("mlp", {.input = {2}, .classes = 3, .units = 4}));
  DistributedOptimizer optimizer(MomentumSgd({.lr = 1e-4, .momentum = 0.9}), comm);
  optimizer.setup(model);
  const auto iterator = make_iterator(
      std::make_shared<ArrayDataset>(std::vector<Array>{x, t}),
      {.batch_size = 4, .repeat = true, .shuffle = true, .seed = 2, .rank = comm.rank(), .size = comm.size()},
      {.threads = 1});
  StandardUpdater updater(*iterator, model, optimizer, comm);
  Trainer trainer(updater, {30, Unit::kIteration}, out, comm);
  options.look_every_s = 1e-9;  // after every iteration
  auto& stop = dynamic_cast<StopOnSignal&>(trainer.extend(std::make_unique<StopOnSignal>(std::move(options))));
  if (other) trainer.extend(std::move(other));
  if (!resume_from.empty()) resume(trainer, resume_from);
  trainer.run();
  return {stop.stopped(), updater.iteration(), to_vector<float>(model.parameters()[0]->array())};
}

TEST(StopOnSignalTest, ASignalEndsTheRunWithASnapshotThatGoesOnBitForBit) {
  SelfCommunicator self;
  for (const int signal : {SIGTERM, SIGUSR1}) {
    testing::ScratchFolder folder;
    const Outcome whole = run(self, folder / "whole", {}, nullptr);
    EXPECT_FALSE(whole.stopped);
    EXPECT_EQ(whole.iteration, 30);
    EXPECT_EQ(newest_snapshot(folder / "whole"), "");
    const Outcome cut = run(self, folder / "cut", {}, std::make_unique<At>(7, [&] { std::raise(signal); }));
    EXPECT_TRUE(cut.stopped);
    EXPECT_EQ(cut.iteration, 7);
    EXPECT_EQ(newest_snapshot(folder / "cut"), folder / "cut/snapshot_iter_7");
    const Outcome resumed = run(self, folder / "resumed", {}, nullptr, folder / "cut/snapshot_iter_7");
    EXPECT_FALSE(resumed.stopped);
    EXPECT_EQ(resumed.weights, whole.weights);
  }
}

TEST(StopOnSignalTest, AllRanksStopAfterTheSameIterationWhoeverWasAsked) {
  for (int asked_rank = 0; asked_rank < 3; ++asked_rank) {
    testing::ScratchFolder folder;
    run_on_threads(3, [&](Communicator& comm) {
      bool asked = false;
      const Outcome outcome = run(comm, folder / "out", {.asked = [&] { return asked; }},
                                  std::make_unique<At>(5, [&] { asked = comm.rank() == asked_rank; }));
      EXPECT_TRUE(outcome.stopped);
      EXPECT_EQ(outcome.iteration, 5);
    });
    EXPECT_EQ(newest_snapshot(folder / "out"), folder / "out/snapshot_iter_5");
  }
}

TEST(StopOnSignalTest, ARunThatIsDoneAnywayIsNotCutShort) {
  testing::ScratchFolder folder;
  SelfCommunicator self;
  const Outcome outcome = run(self, folder / "out", {}, std::make_unique<At>(30, [] { std::raise(SIGTERM); }));
  EXPECT_FALSE(outcome.stopped);
  EXPECT_EQ(outcome.iteration, 30);
}

TEST(StopOnSignalTest, ARunThatStopsEarlyAnywayIsNotCutShort) {
  testing::ScratchFolder folder;
  SelfCommunicator self;
  testing::CountingUpdater updater;
  Trainer trainer(updater, {30, Unit::kIteration}, folder / "out", self);
  const auto& stop = dynamic_cast<StopOnSignal&>(
      trainer.extend(std::make_unique<StopOnSignal>(StopOnSignalOptions{.look_every_s = 1e-9})));
  trainer.extend(std::make_unique<At>(4, [] { std::raise(SIGTERM); }));
  trainer.stop_when({1, Unit::kIteration, early_stopping({.monitor = "main/loss", .patience = 3})});
  trainer.run();
  EXPECT_FALSE(stop.stopped());
  EXPECT_EQ(updater.iteration(), 4);
}

TEST(StopOnSignalTest, OtherSnapshotsStay) {
  testing::ScratchFolder folder;
  SelfCommunicator self;
  testing::CountingUpdater updater;
  Trainer trainer(updater, {30, Unit::kIteration}, folder / "out", self);
  trainer.extend(std::make_unique<Snapshot>(SnapshotOptions{.trigger = {2, Unit::kIteration}, .keep = 0}));
  trainer.extend(std::make_unique<StopOnSignal>(StopOnSignalOptions{.look_every_s = 1e-9}));
  trainer.extend(std::make_unique<At>(9, [] { std::raise(SIGTERM); }));
  trainer.run();
  for (const int iteration : {2, 4, 6, 8, 9}) {
    EXPECT_TRUE(std::filesystem::exists(folder / ("out/snapshot_iter_" + std::to_string(iteration)))) << iteration;
  }
}

TEST(StopOnSignalTest, AThreadsSnapshotThatEndsLaterLeavesTheSignalsOne) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  testing::CountingUpdater updater;
  Trainer trainer(updater, {30, Unit::kIteration}, folder / "out", self);
  const ReplicaSets sets = {{0}};
  trainer.extend(std::make_unique<Snapshot>(
      SnapshotOptions{.trigger = {2, Unit::kIteration}, .keep = 1, .in_background = true, .replica_sets = sets}));
  trainer.extend(std::make_unique<StopOnSignal>(StopOnSignalOptions{
      .replica_sets = sets, .look_every_s = 1e-9, .asked = [&] { return updater.iteration() == 3; }}));
  // as if the thread had taken an hour
  const auto make_it_older = [&] {
    std::filesystem::last_write_time(folder / "out/snapshot_iter_3.0",
                                     std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  };
  trainer.extend(std::make_unique<At>(3, make_it_older), {.priority = Extension::kLast - 2});
  trainer.run();
  EXPECT_TRUE(std::filesystem::exists(folder / "out/snapshot_iter_2.0"));
  EXPECT_TRUE(std::filesystem::exists(folder / "out/snapshot_iter_3.0"));
}

TEST(StopOnSignalTest, ReplicaSetsThatTheRanksCannotHaveEndTheRunBeforeItsFirstStep) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  testing::CountingUpdater updater;
  Trainer trainer(updater, {30, Unit::kIteration}, folder / "out", self);
  trainer.extend(std::make_unique<StopOnSignal>(StopOnSignalOptions{.replica_sets = {{1}}}));
  EXPECT_THROW(trainer.run(), ValueError);
  EXPECT_EQ(updater.iteration(), 0);
}

TEST(StopOnSignalTest, GivesTheSignalBack) {
  testing::ScratchFolder folder;
  SelfCommunicator self;
  struct sigaction before{}, during{}, after{};
  sigaction(SIGUSR1, nullptr, &before);
  run(self, folder / "out", {}, std::make_unique<At>(2, [&] { sigaction(SIGUSR1, nullptr, &during); }));
  sigaction(SIGUSR1, nullptr, &after);
  EXPECT_NE(during.sa_handler, before.sa_handler);
  EXPECT_EQ(after.sa_handler, before.sa_handler);
}

}  // namespace
}  // namespace rensa
