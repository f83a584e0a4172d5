#include "trainer/extensions/evaluator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <type_traits>

#include "comm/distributed_optimizer.h"
#include "comm/self/self_communicator.h"
#include "comm/shm/thread_group.h"
#include "core/autograd/parameter.h"
#include "core/error.h"
#include "core/functions/accuracy.h"
#include "core/functions/evaluation.h"
#include "core/functions/losses.h"
#include "core/functions/softmax_cross_entropy.h"
#include "core/links/batch_normalization.h"
#include "core/links/linear.h"
#include "core/optimizers/sgd.h"
#include "tests/support/scratch_folder.h"
#include "trainer/datasets/array_dataset.h"
#include "trainer/extensions/log_report.h"
#include "trainer/iterators/serial_iterator.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Pointwise;
using ::testing::ThrowsMessage;
using ::testing::UnorderedElementsAre;

namespace F = functions;

/// Seven points near a plane: x (7, 2), t (7, 1).
const Array& points() {
  static const Array x = array(std::vector<float>{0, 1, 1, 0, 1, 1, -1, 0.5f, 0.5f, -1, 2, 0, 0, -2}, {7, 2});
  return x;
}
const Array& heights() {
  static const Array t = array(std::vector<float>{1.9f, -1, 1.2f, 2, -2.4f, -2.1f, -3.8f}, {7, 1});
  return t;
}

std::unique_ptr<Iterator> plane(const Communicator& comm, bool repeat, std::int64_t samples = 7) {
  auto data = std::make_shared<ArrayDataset>(
      std::vector<Array>{points().slice(0, {.stop = samples}), heights().slice(0, {.stop = samples})});
  return std::make_unique<SerialIterator>(
      std::move(data),
      IteratorOptions{.batch_size = 7, .repeat = repeat, .shuffle = false, .rank = comm.rank(), .size = comm.size()});
}

Array r2(const Array& y, const Array& t) { return full({}, F::r2_score(y, t), Dtype::kFloat64); }

ClassifierOptions regression() {
  return {.lossfun = [](const Variable& y, const Array& t) { return F::mean_squared_error(y, t); }, .accfun = r2};
}

struct Fitted {
  std::vector<float> weights;
  std::map<std::string, double> log;
  double mean_of_r2 = 0;  ///< of the parts that three ranks have
};

Fitted fit(const std::string& out, Communicator& comm) {
  seed_parameters(1);
  Classifier model(std::make_unique<Linear>(LinearOptions{.in = 2, .out = 1}), regression());
  DistributedOptimizer optimizer(Sgd({.lr = 0.1}), comm);
  optimizer.setup(model);
  const auto iterator = plane(comm, /*repeat=*/true);
  StandardUpdater updater(*iterator, model, optimizer, comm);
  Trainer trainer(updater, {20, Unit::kEpoch}, out, comm);
  trainer.extend(std::make_unique<Evaluator>(plane(comm, /*repeat=*/false), model));
  trainer.extend(std::make_unique<LogReport>());
  trainer.run();
  Fitted result;
  for (Parameter* p : model.parameters()) {
    for (const float value : to_vector<float>(p->array())) result.weights.push_back(value);
  }
  if (comm.rank() == 0) result.log = dynamic_cast<LogReport&>(trainer.extension("LogReport")).log().back();
  const Array y = model.predictor()(points()).array();
  for (const auto& [begin, end] : {std::pair(0, 2), {2, 4}, {4, 7}}) {
    const Slice part{.start = begin, .stop = end};
    result.mean_of_r2 += (end - begin) * F::r2_score(y.slice(0, part), heights().slice(0, part)) / 7;
  }
  return result;
}

TEST(EvaluatorTest, ARegressionIsFittedAndJudgedOnAnyNumberOfRanks) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  const Fitted alone = fit(folder / "alone", self);
  EXPECT_LT(alone.log.at("validation/main/loss"), 0.5);
  EXPECT_GT(alone.log.at("validation/main/accuracy"), 0.8);  // R² of the whole set in one batch
  run_on_threads(3, [&](Communicator& comm) {
    const Fitted together = fit(folder / "together", comm);
    EXPECT_THAT(together.weights, Pointwise(FloatNear(1e-5f), alone.weights));
    if (comm.rank() != 0) return;
    EXPECT_NEAR(together.log.at("main/loss"), alone.log.at("main/loss"), 1e-6);
    EXPECT_NEAR(together.log.at("validation/main/loss"), alone.log.at("validation/main/loss"), 1e-6);
    EXPECT_NEAR(together.log.at("validation/main/accuracy"), together.mean_of_r2, 1e-5);
  });
}

TEST(EvaluatorTest, ReportsUnderTheNameThatTheTrainerKnowsItBy) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  Classifier model(std::make_unique<Linear>(LinearOptions{.in = 2, .out = 1}), regression());
  Sgd optimizer({.lr = 0.1});
  optimizer.setup(model);
  const auto iterator = plane(self, /*repeat=*/true);
  StandardUpdater updater(*iterator, model, optimizer, self);
  Trainer trainer(updater, {1, Unit::kEpoch}, folder / "out", self);
  for (const char* name : {"", "", "test"}) {
    trainer.extend(std::make_unique<Evaluator>(plane(self, /*repeat=*/false), model), {.name = name});
  }
  auto& log = dynamic_cast<LogReport&>(trainer.extend(std::make_unique<LogReport>()));
  trainer.run();
  for (const char* name : {"validation", "validation_1", "test"}) {
    EXPECT_EQ(log.log().back().count(std::string(name) + "/main/loss"), 1) << name;
  }
}

TEST(EvaluatorTest, ReportsWhatTheLossFunctionReportsOfEveryRank) {
  seed_parameters(1);
  for (const std::int64_t samples : {1, 7}) {
    run_on_threads(3, [&](Communicator& comm) {
      Linear model({.in = 2, .out = 1});
      Evaluator evaluator(
          plane(comm, /*repeat=*/false, samples), model,
          [&](const Batch& batch) -> StandardUpdater::Loss {
            const auto size = static_cast<double>(batch.size());
            const double first = batch.t().slice(0, {.stop = 1}).item<double>();
            return {.loss = F::mean_squared_error(model(batch.x()), batch.t()),
                    .observation = {{"main/rank", {comm.rank() * 1.0, size}}, {"first", {first, 1}}}};
          },
          "test");
      const Observation seen = evaluator.evaluate(comm);
      EXPECT_THAT(seen, UnorderedElementsAre(Key("test/main/loss"), Key("test/main/rank"), Key("test/first")));
      if (samples == 1) {
        EXPECT_EQ(seen.at("test/main/rank").value(), 2);  // ranks 0 and 1 have no sample, and say the same
      } else {
        EXPECT_DOUBLE_EQ(seen.at("test/main/rank").value(), (2 * 0 + 2 * 1 + 3 * 2) / 7.0);
        EXPECT_NEAR(seen.at("test/first").value(), (1.9 + 1.2 - 2.4) / 3, 1e-6);
      }
    });
  }
}

TEST(EvaluatorTest, AveragesStatisticsOfAnyModelFirst) {
  run_on_threads(2, [](Communicator& comm) {
    BatchNormalization model({.size = {2}});
    model.avg_mean.fill(1 + 2 * comm.rank());
    Evaluator evaluator(plane(comm, /*repeat=*/false), model, [&](const Batch& batch) -> StandardUpdater::Loss {
      return {.loss = F::mean_squared_error(model(batch.x()), batch.x()), .observation = {}};
    });
    evaluator.evaluate(comm);
    EXPECT_THAT(to_vector<float>(model.avg_mean), ElementsAre(2, 2));
  });
}

/// Samples that cannot be read.
struct Unreadable final : Dataset {
  explicit Unreadable(std::int64_t count) : count_(count) {}
  std::int64_t size() const override { return count_; }
  std::vector<FieldSpec> fields() const override { return {{.shape = {2}}, {.shape = {1}}}; }
  Example get(std::int64_t index, const SampleContext&) const override {
    throw MissingSample("sample ", index, " cannot be read.");
  }
  std::int64_t count_;
};

TEST(EvaluatorTest, ASetOfWhichNothingCanBeReadIsRefusedOnEveryRank) {
  run_on_threads(2, [](Communicator& comm) {
    const auto judge = [&](std::int64_t samples) {
      Classifier model(std::make_unique<Linear>(LinearOptions{.in = 2, .out = 1}), regression());
      Evaluator evaluator(
          std::make_unique<SerialIterator>(std::make_shared<Unreadable>(samples),
                                           IteratorOptions{.batch_size = 2, .repeat = false, .shuffle = false}),
          model);
      return evaluator.evaluate(comm);
    };
    EXPECT_THAT([&] { judge(3 * comm.rank()); },  // rank 0 has no samples
                ThrowsMessage<ValueError>(HasSubstr("validation: none of the 3 samples can be read")));
    EXPECT_TRUE(judge(0).empty());
  });
}

static_assert(!std::is_copy_constructible_v<Evaluator> && !std::is_move_constructible_v<Evaluator>);

TEST(ClassifierTest, AnswersForWhatItIsNotTold) {
  Batch batch;
  batch.indices = {0, 1};
  batch.fields = {ones({2, 2}), array<std::int32_t>({0, 1}), array<std::int32_t>({1, 1})};
  seed_parameters(1);
  Classifier plain(std::make_unique<Linear>(LinearOptions{.in = 2, .out = 3}), {});
  EXPECT_EQ(plain(batch).accuracy.item<double>(), F::accuracy(plain(batch).y.array(), batch.t()));
  seed_parameters(1);
  Classifier other(std::make_unique<Linear>(LinearOptions{.in = 2, .out = 3}),
                   {.softmax = {.label_smoothing = 0.1}, .label_key = 2});
  const Classifier::Result result = other(batch);
  ASSERT_TRUE(result.accuracy);
  EXPECT_EQ(result.loss.item<double>(),
            F::softmax_cross_entropy(result.y, batch.fields[2], {.label_smoothing = 0.1}).item<double>());
}

TEST(ClassifierTest, SaysThatAccuracyIsOfClassNumbers) {
  ClassifierOptions options = regression();
  options.accfun = ClassifierOptions().accfun;
  Classifier model(std::make_unique<Linear>(LinearOptions{.in = 2, .out = 1}), options);
  Batch batch;
  batch.indices = {0};
  batch.fields = {ones({1, 2}), zeros({1, 1})};
  EXPECT_THAT([&] { model(batch); }, ThrowsMessage<ValueError>(HasSubstr(".accfun = nullptr")));
}

TEST(ClassifierTest, WithoutAnAccuracyNoneIsReported) {
  SelfCommunicator self;
  ClassifierOptions options = regression();
  options.accfun = nullptr;
  Classifier model(std::make_unique<Linear>(LinearOptions{.in = 2, .out = 1}), options);
  Evaluator evaluator(plane(self, /*repeat=*/false), model);
  EXPECT_THAT(evaluator.evaluate(self), ElementsAre(Key("validation/main/loss")));
  Sgd optimizer({.lr = 0.1});
  optimizer.setup(model);
  const auto iterator = plane(self, /*repeat=*/true);
  StandardUpdater updater(*iterator, model, optimizer, self);
  Observation seen;
  updater.update(seen);
  EXPECT_THAT(seen, ElementsAre(Key("main/loss")));
}

TEST(ClassifierTest, TakesTheFieldThatIsAskedFor) {
  Batch batch;
  batch.indices = {0, 1};
  batch.fields = {ones({2, 2}), zeros({2, 1}), full({2, 1}, 3)};
  double losses[2] = {};
  for (const int key : {2, -1}) {
    seed_parameters(1);
    ClassifierOptions options = regression();
    options.label_key = key;
    Classifier model(std::make_unique<Linear>(LinearOptions{.in = 2, .out = 1}), options);
    losses[key == 2] = model(batch).loss.item<double>();
    const double y = model(batch).y.array().slice(0, {.stop = 1}).item<double>();
    EXPECT_NEAR(losses[key == 2], (y - 3) * (y - 3), 1e-5);
    const auto copy = clone(model);
    EXPECT_EQ((*copy)(batch).loss.item<double>(), losses[key == 2]);
  }
  EXPECT_EQ(losses[0], losses[1]);
  ClassifierOptions options = regression();
  options.label_key = 3;
  Classifier model(std::make_unique<Linear>(LinearOptions{.in = 2, .out = 1}), options);
  EXPECT_THAT([&] { model(batch); }, ThrowsMessage<ValueError>(HasSubstr("label_key = 3")));
}

TEST(ClassifierTest, RefusesMixedSamplesForAnotherLoss) {
  Classifier model(std::make_unique<Linear>(LinearOptions{.in = 2, .out = 1}), regression());
  Batch batch;
  batch.indices = {0};
  batch.fields = {ones({1, 2}), zeros({1}, Dtype::kInt32), zeros({1}, Dtype::kInt32), ones({1})};
  batch.is_mixed = true;
  EXPECT_THAT([&] { model(batch); }, ThrowsMessage<ValueError>(HasSubstr("two labels")));
}

}  // namespace
}  // namespace rensa
