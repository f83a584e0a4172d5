#include "trainer/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "comm/distributed_optimizer.h"
#include "comm/self/self_communicator.h"
#include "comm/shm/thread_group.h"
#include "core/autograd/parameter.h"
#include "core/error.h"
#include "core/functions/activation.h"
#include "core/functions/dropout.h"
#include "core/links/batch_normalization.h"
#include "core/links/linear.h"
#include "core/optimizers/adam.h"
#include "core/optimizers/sgd.h"
#include "core/serializers/npz.h"
#include "tests/support/emulated_gpu.h"
#include "tests/support/hashed_numbers.h"
#include "tests/support/scratch_folder.h"
#include "tests/trainer/counting_updater.h"
#include "trainer/datasets/array_dataset.h"
#include "trainer/extensions/evaluator.h"
#include "trainer/extensions/html_report.h"
#include "trainer/extensions/learning_rate.h"
#include "trainer/extensions/log_report.h"
#include "trainer/extensions/snapshot.h"
#include "trainer/iterators/multithread_iterator.h"
#include "trainer/triggers/moments.h"

namespace rensa {
namespace {

using ::testing::Contains;
using ::testing::DoubleNear;
using ::testing::Each;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Pointwise;
using ::testing::ThrowsMessage;

/// A network with a random part, so that random numbers are resumed too.
struct DropoutNet : UnaryLink {
  Linear l1{{.in = 6, .out = 16}}, l2{{.in = 16, .out = 3}};
  DropoutNet() {
    add("l1", l1);
    add("l2", l2);
  }
  Variable forward(const Variable& x) override { return l2(functions::dropout(functions::relu(l1(x)), 0.3)); }
};

std::shared_ptr<const Dataset> dataset(std::int64_t count) {
  const testing::HashedNumbers numbers(5);
  std::vector<float> x;
  std::vector<std::int32_t> t;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto label = numbers.label(1000 + i, 3);
    for (std::int64_t j = 0; j < 6; ++j) {
      x.push_back(static_cast<float>(numbers.uniform(i * 6 + j) + (j % 3 == label ? 0.8 : 0)));
    }
    t.push_back(static_cast<std::int32_t>(label));
  }
  return std::make_shared<ArrayDataset>(std::vector<Array>{array(x, {count, 6}), array(t, {count})});
}

struct RunOptions {
  Trigger stop = {50, Unit::kIteration}, log = {10, Unit::kIteration};
  int loader_threads = 1;
  std::string resume_from = {};
  int snapshot_every = 25;
  ReducerOptions reducer = {};
  int accumulate = 1;
  Device device = {};
};

struct RunResult {
  std::vector<std::vector<float>> weights;
  std::vector<LogReport::Entry> log;
};

/// A whole training run, as the command makes it.
RunResult run(const std::string& out, Communicator& comm, const RunOptions& options) {
  seed_parameters(3);
  Classifier model(std::make_unique<DropoutNet>());
  model.to(options.device);
  DistributedOptimizer optimizer(Adam({.lr = 0.01}), comm, options.reducer);
  optimizer.setup(model);
  const auto split = [&](std::int64_t batch, bool repeat) {
    return IteratorOptions{
        .batch_size = batch, .repeat = repeat, .shuffle = repeat, .seed = 4, .rank = comm.rank(), .size = comm.size()};
  };
  const auto iterator = make_iterator(dataset(70), split(10, true), {.threads = options.loader_threads});
  StandardUpdater updater(*iterator, model, optimizer, comm, /*seed=*/9);
  updater.accumulate(options.accumulate);
  Trainer trainer(updater, options.stop, out, comm);
  trainer.extend(std::make_unique<Evaluator>(make_iterator(dataset(33), split(8, false), {.threads = 1}), model));
  trainer.extend(std::make_unique<LearningRate>(LearningRateOptions{.lr = 0.01, .schedule = "cosine", .epochs = 8}));
  trainer.extend(std::make_unique<LogReport>(options.log));
  trainer.extend(std::make_unique<HtmlReport>("a <test>"));
  trainer.extend(std::make_unique<Snapshot>(
      SnapshotOptions{.trigger = {static_cast<double>(options.snapshot_every), Unit::kIteration}, .keep = 2}));
  if (!options.resume_from.empty()) resume(trainer, options.resume_from);
  trainer.run();
  RunResult result;
  for (Parameter* p : model.parameters()) result.weights.push_back(to_vector<float>(p->array()));
  result.log = dynamic_cast<LogReport&>(trainer.extension("LogReport")).log();
  return result;
}

std::vector<LogReport::Entry> without_times(std::vector<LogReport::Entry> log) {
  for (auto& entry : log) {
    entry.erase("elapsed_time");
    entry.erase("images_per_second");
  }
  return log;
}

TEST(TrainerTest, LearnsAndWritesChainersLog) {
  testing::ScratchFolder folder;
  SelfCommunicator self;
  const RunResult result = run(folder / "out", self, {});
  std::ifstream file(folder / "out/log");
  const nlohmann::json log = nlohmann::json::parse(file);
  ASSERT_EQ(log.size(), 5u);
  for (const char* key : {"epoch", "iteration", "elapsed_time", "main/loss", "main/accuracy", "validation/main/loss",
                          "validation/main/accuracy", "lr", "images_per_second"}) {
    EXPECT_TRUE(log[1].contains(key)) << key;
  }
  EXPECT_EQ(log[4].at("iteration"), 50);
  EXPECT_LT(log[4].at("main/loss").get<double>(), log[0].at("main/loss").get<double>());
  EXPECT_GT(log[4].at("validation/main/accuracy").get<double>(), 0.5);
  std::ifstream page(folder / "out/report.html");
  const std::string html{std::istreambuf_iterator<char>(page), {}};
  EXPECT_THAT(html, AllOf(HasSubstr("a &lt;test&gt;"), HasSubstr("<polyline"), HasSubstr("validation/main/accuracy")));
}

TEST(TrainerTest, TrainsEvaluatesAndResumesTheSameOnAGpu) {
  const testing::ScratchFolder folder;
  const testing::EmulatedGpus gpus;
  const Device gpu{DeviceKind::kCuda, 0};
  SelfCommunicator self;
  const RunResult here = run(folder / "here", self, {});
  run(folder / "half", self, {.stop = {25, Unit::kIteration}, .device = gpu});
  const RunResult there = run(folder / "there", self, {.resume_from = newest_snapshot(folder / "half"), .device = gpu});
  for (std::size_t i = 0; i < here.weights.size(); ++i) {
    EXPECT_THAT(there.weights[i], Pointwise(FloatNear(1e-4f), here.weights[i]));
  }
  for (const char* key : {"main/loss", "validation/main/loss"}) {
    EXPECT_NEAR(there.log.back().at(key), here.log.back().at(key), 1e-4) << key;
  }
}

TEST(TrainerTest, AFractionOfAnEpochIsTrainedEvaluatedAndLogged) {
  const testing::ScratchFolder folder;
  run_on_threads(2, [&](Communicator& comm) {
    const RunResult result = run(folder / "out", comm, {.stop = {2.5, Unit::kEpoch}, .log = {1, Unit::kEpoch}});
    if (comm.rank() > 0) return;       // rank 0 keeps the log
    ASSERT_EQ(result.log.size(), 3u);  // 7 steps are an epoch
    EXPECT_EQ(result.log[2].at("iteration"), 18);
    EXPECT_TRUE(result.log[2].contains("validation/main/accuracy"));
  });
}

TEST(TrainerTest, AResumedRunGoesOnBitForBit) {
  for (const int ranks : {1, 2}) {
    testing::ScratchFolder folder;
    run_on_threads(ranks, [&](Communicator& comm) {
      const RunResult whole = run(folder / "whole", comm, {});
      run(folder / "half", comm, {.stop = {25, Unit::kIteration}});
      comm.barrier();
      const RunResult resumed = run(folder / "resumed", comm, {.resume_from = newest_snapshot(folder / "half")});
      EXPECT_EQ(resumed.weights, whole.weights);
      EXPECT_EQ(without_times(resumed.log), without_times(whole.log));
    });
  }
}

TEST(TrainerTest, ASnapshotOfFourRanksGoesOnOnOneTwoAndThree) {
  testing::ScratchFolder folder;
  RunResult whole;
  run_on_threads(4, [&](Communicator& comm) {
    const RunResult mine = run(folder / "whole", comm, {});
    if (comm.rank() == 0) whole = mine;
    run(folder / "half", comm, {.stop = {25, Unit::kIteration}});
  });
  for (const int ranks : {1, 2, 3, 4}) {
    run_on_threads(ranks, [&](Communicator& comm) {
      const RunResult resumed =
          run(folder / ("on_" + std::to_string(ranks)), comm, {.resume_from = newest_snapshot(folder / "half")});
      for (std::size_t p = 0; p < whole.weights.size(); ++p) {
        for (std::size_t i = 0; i < whole.weights[p].size(); ++i) {
          // the same samples in each step; sums over another number of ranks round otherwise
          ASSERT_NEAR(resumed.weights[p][i], whole.weights[p][i], ranks == 4 ? 0 : 2e-3) << ranks << " ranks";
        }
      }
      if (comm.rank() != 0) return;  // who keeps the log
      ASSERT_EQ(resumed.log.size(), whole.log.size());
      for (std::size_t i = 0; i < whole.log.size(); ++i) {
        EXPECT_EQ(resumed.log[i].at("epoch"), whole.log[i].at("epoch"));
        EXPECT_NEAR(resumed.log[i].at("main/loss"), whole.log[i].at("main/loss"), 2e-3);
      }
    });
  }
}

TEST(TrainerTest, AResumedRunGoesOnBitForBitInEveryMode) {
  const auto small = [](ReducerOptions options) {
    options.first_bucket_bytes = options.bucket_bytes = 64;
    return options;
  };
  const std::vector<RunOptions> modes = {{.reducer = small({.double_buffering = true})},
                                         {.reducer = small({.carry_over = true})},
                                         {.reducer = small({.zero = 1})},
                                         {.reducer = small({.zero = 2})},
                                         {.accumulate = 3}};
  for (const RunOptions& mode : modes) {
    for (const int ranks : {1, 2, 3}) {
      testing::ScratchFolder folder;
      run_on_threads(ranks, [&](Communicator& comm) {
        const RunResult whole = run(folder / "whole", comm, mode);
        RunOptions half = mode, rest = mode;
        half.stop = {25, Unit::kIteration};
        run(folder / "half", comm, half);
        comm.barrier();
        rest.resume_from = newest_snapshot(folder / "half");
        const RunResult resumed = run(folder / "resumed", comm, rest);
        EXPECT_EQ(resumed.weights, whole.weights);
        EXPECT_EQ(without_times(resumed.log), without_times(whole.log));
      });
    }
  }
}

TEST(TrainerTest, ARunThatIsResumedAtAPointOfAScheduleOrBehindItMakesNoFurtherStep) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  // steps end at 3/7 and 6/7 of an epoch, and the last batch of the second begins behind 0.5
  const auto stop_at = [](double point) { return manual_schedule({point, 3}, Unit::kEpoch); };
  const RunResult ended = run(folder / "ended", self, {.stop = stop_at(0.5), .accumulate = 3});
  const std::string end = folder / "ended/snapshot_iter_2";
  EXPECT_EQ(newest_snapshot(folder / "ended"), end);
  for (const double point : {0.5, 0.2}) {
    const RunResult resumed =
        run(folder / "resumed", self, {.stop = stop_at(point), .resume_from = end, .accumulate = 3});
    EXPECT_EQ(resumed.weights, ended.weights) << point;
    EXPECT_EQ(newest_snapshot(folder / "resumed"), "") << point;
  }
}

TEST(UpdaterTest, AccumulatedBatchesMakeTheStepOfALargeOne) {
  struct Seen {
    std::vector<float> weights;
    std::vector<double> losses, details;
    std::vector<bool> new_epochs;
  };
  const auto train = [](Communicator& comm, std::int64_t batch, int pieces) {
    seed_parameters(3);
    Classifier model(std::make_unique<Linear>(LinearOptions{.in = 6, .out = 3}));
    DistributedOptimizer optimizer(Adam({.lr = 0.01}), comm);
    optimizer.setup(model);
    const auto iterator = make_iterator(
        dataset(60), {.batch_size = batch, .seed = 4, .rank = comm.rank(), .size = comm.size()}, {.threads = 0});
    StandardUpdater updater(*iterator, model, optimizer, comm);
    updater.accumulate(pieces);
    Seen seen;
    for (int i = 0; i < 7; ++i) {
      Observation observation;
      updater.update(observation);
      seen.losses.push_back(observation.at("main/loss").value() * observation.at("main/loss").weight);
      seen.details.push_back(updater.previous_epoch_detail());
      seen.new_epochs.push_back(updater.is_new_epoch());
    }
    EXPECT_EQ(updater.samples(), 7 * 20);
    EXPECT_EQ(optimizer.t(), 7);
    EXPECT_EQ(optimizer.epoch(), 2);
    for (Parameter* p : model.parameters()) {
      for (const float value : to_vector<float>(p->array())) seen.weights.push_back(value);
    }
    return seen;
  };
  for (const int ranks : {1, 2}) {
    run_on_threads(ranks, [&](Communicator& comm) {
      const Seen large = train(comm, 20, 1), pieces = train(comm, 5, 4);
      EXPECT_EQ(pieces.new_epochs, large.new_epochs);
      for (std::size_t i = 0; i < large.weights.size(); ++i) EXPECT_NEAR(pieces.weights[i], large.weights[i], 2e-4);
      for (std::size_t i = 0; i < large.losses.size(); ++i) EXPECT_NEAR(pieces.details[i], large.details[i], 1e-12);
      if (ranks > 1) return;  // the ranks' parts are other samples
      for (std::size_t i = 0; i < large.losses.size(); ++i) EXPECT_NEAR(pieces.losses[i], large.losses[i], 1e-3);
    });
  }
}

TEST(UpdaterTest, AccumulatedBatchesOfUnequalSizesAreWeightedByTheirSamples) {
  // batches of 8 and 2, and the batch of 10 that they are
  const auto step = [](Communicator& comm, std::int64_t batch, int pieces) {
    seed_parameters(3);
    Classifier model(std::make_unique<Linear>(LinearOptions{.in = 6, .out = 3}));
    DistributedOptimizer optimizer(Sgd({.lr = 1}), comm);
    optimizer.setup(model);
    const auto iterator = make_iterator(
        dataset(10),
        {.batch_size = batch, .short_tail = true, .shuffle = false, .rank = comm.rank(), .size = comm.size()},
        {.threads = 0});
    StandardUpdater updater(*iterator, model, optimizer, comm);
    updater.accumulate(pieces);
    Observation observation;
    updater.update(observation);
    return to_vector<float>(model.parameters()[0]->array());
  };
  for (const int ranks : {1, 2}) {
    run_on_threads(ranks, [&](Communicator& comm) {
      EXPECT_THAT(step(comm, 8, 2), Pointwise(FloatNear(1e-6F), step(comm, 10, 1)));
    });
  }
}

TEST(TrainerTest, TheNumberOfLoaderThreadsChangesNoBit) {
  testing::ScratchFolder folder;
  SelfCommunicator self;
  const RunResult one = run(folder / "one", self, {}), two = run(folder / "two", self, {.loader_threads = 2});
  EXPECT_EQ(one.weights, two.weights);
  EXPECT_EQ(without_times(one.log), without_times(two.log));
}

TEST(TrainerTest, SnapshotHasChainersKeys) {
  testing::ScratchFolder folder;
  SelfCommunicator self;
  run(folder / "out", self, {.stop = {25, Unit::kIteration}});
  EXPECT_EQ(newest_snapshot(folder / "out"), folder / "out/snapshot_iter_25");
  NpzReader reader(folder / "out/snapshot_iter_25");
  const std::vector<std::string> keys = reader.keys();
  for (const char* key :
       {"updater/iteration", "updater/iterator:main/current_position", "updater/iterator:main/order",
        "updater/model:main/predictor/l1/W", "updater/optimizer:main/t", "updater/optimizer:main/predictor/l1/W/m",
        "extensions/LogReport/_log", "stop_trigger/previous_iteration", "_snapshot_elapsed_time"}) {
    EXPECT_THAT(keys, Contains(key));
  }
}

TEST(TrainerTest, KeepsTheNewestSnapshots) {
  testing::ScratchFolder folder;
  SelfCommunicator self;
  run(folder / "out", self, {.stop = {40, Unit::kIteration}, .snapshot_every = 10});
  EXPECT_FALSE(std::filesystem::exists(folder / "out/snapshot_iter_20"));
  EXPECT_TRUE(std::filesystem::exists(folder / "out/snapshot_iter_30"));
  EXPECT_TRUE(std::filesystem::exists(folder / "out/snapshot_iter_40"));
}

TEST(TrainerTest, RefusesADamagedSnapshot) {
  testing::ScratchFolder folder;
  SelfCommunicator self;
  run(folder / "out", self, {.stop = {25, Unit::kIteration}});
  const std::string path = newest_snapshot(folder / "out");
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(1000);
  file.put('\x55');
  file.close();
  EXPECT_THAT([&] { run(folder / "more", self, {.resume_from = path}); },
              ThrowsMessage<FileError>(HasSubstr("was changed")));
}

TEST(EvaluatorTest, IsExactForAnyNumberOfRanksAndSamples) {
  for (const std::int64_t samples : {1, 2, 7, 33}) {
    const auto evaluate = [&](Communicator& comm) {
      seed_parameters(1);
      Classifier model(std::make_unique<DropoutNet>());
      Evaluator evaluator(
          make_iterator(dataset(samples),
                        {.batch_size = 5, .repeat = false, .shuffle = false, .rank = comm.rank(), .size = comm.size()},
                        {.threads = 1}),
          model);
      return evaluator.evaluate(comm);
    };
    SelfCommunicator self;
    const Observation alone = evaluate(self);
    for (int ranks = 2; ranks <= 4; ++ranks) {
      run_on_threads(ranks, [&](Communicator& comm) {
        const Observation together = evaluate(comm);
        EXPECT_THAT(together.at("validation/main/loss").value(),
                    DoubleNear(alone.at("validation/main/loss").value(), 1e-6));
        EXPECT_DOUBLE_EQ(together.at("validation/main/accuracy").value(), alone.at("validation/main/accuracy").value());
      });
    }
  }
}

TEST(EvaluatorTest, AveragesStatisticsWhereverTheyLie) {
  struct Normalization : BatchNormalization {
    Array late;  // made with the first batch
    Normalization() : BatchNormalization({.size = {3}}) { add_persistent("late", late); }
  };
  const testing::EmulatedGpus gpus(2);
  run_on_threads(2, [](Communicator& comm) {
    Normalization model;
    model.to(Device{DeviceKind::kCuda, comm.rank()});
    model.avg_mean.copy_from(full({3}, 1 + 2 * comm.rank(), Dtype::kFloat32));
    average_persistents(model, comm);
    EXPECT_EQ(model.avg_mean.device().index, comm.rank());
    EXPECT_THAT(to_vector<float>(model.avg_mean), Each(2));
  });
}

TEST(LearningRateTest, FollowsItsSchedule) {
  LearningRateOptions o{.lr = 1, .schedule = "step", .epochs = 10, .milestones = {4, 8}, .warmup_epochs = 2};
  EXPECT_DOUBLE_EQ(learning_rate_at(o, 0), 0);
  EXPECT_DOUBLE_EQ(learning_rate_at(o, 1), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate_at(o, 3), 1);
  EXPECT_DOUBLE_EQ(learning_rate_at(o, 4), 0.1);
  EXPECT_NEAR(learning_rate_at(o, 9), 0.01, 1e-12);
  o.schedule = "cosine";
  EXPECT_DOUBLE_EQ(learning_rate_at(o, 6), 0.5);
  EXPECT_NEAR(learning_rate_at(o, 10), 0, 1e-12);
  o.schedule = "polynomial";
  EXPECT_DOUBLE_EQ(learning_rate_at(o, 4), 0.75);
  o = {.lr = 2, .schedule = "slow_start", .epochs = 9};
  EXPECT_DOUBLE_EQ(learning_rate_at(o, 3.9), 1);
  EXPECT_DOUBLE_EQ(learning_rate_at(o, 4), 0.15);
  EXPECT_DOUBLE_EQ(learning_rate_at(o, 7), 0.02);
  EXPECT_DOUBLE_EQ(learning_rate_at(o, 8.5), 0.002);
  EXPECT_THROW(LearningRate({.schedule = "cosinus"}), ValueError);
}

TEST(TriggerTest, ReadsIntervals) {
  EXPECT_EQ(parse_trigger("5 epochs").period, 5);
  EXPECT_EQ(parse_trigger("100 iterations").unit, Unit::kIteration);
  for (const char* bad : {"", "5", "epoch", "-1 epoch", "0.5 iteration", "5 apples", "5 epochs please"}) {
    EXPECT_THROW(parse_trigger(bad), ValueError) << bad;
  }
  EXPECT_THROW(Trigger(0.5, Unit::kIteration), ValueError);
  EXPECT_THROW(Trigger(0, Unit::kEpoch), ValueError);
  EXPECT_THROW(Trigger(-1, Unit::kIteration), ValueError);
}

TEST(TriggerTest, TenthsOfAnEpochOfTenStepsAreItsSteps) {
  testing::CountingUpdater updater;
  const Trigger trigger{0.1, Unit::kEpoch};
  for (int i = 0; i < 100; ++i) {
    Observation observation;
    updater.update(observation);
    EXPECT_TRUE(trigger.is_due(updater)) << updater.iteration();
  }
}

}  // namespace
}  // namespace rensa
