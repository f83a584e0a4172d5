#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "comm/distributed_optimizer.h"
#include "comm/self/self_communicator.h"
#include "comm/shm/thread_group.h"
#include "core/autograd/parameter.h"
#include "core/error.h"
#include "core/functions/shape.h"
#include "core/functions/softmax_cross_entropy.h"
#include "core/links/connection.h"
#include "core/links/linear.h"
#include "core/links/n_step.h"
#include "core/optimizers/sgd.h"
#include "tests/support/emulated_gpu.h"
#include "tests/support/gpu.h"
#include "tests/support/scratch_folder.h"
#include "trainer/datasets/text_dataset.h"
#include "trainer/extensions/log_report.h"
#include "trainer/extensions/snapshot.h"
#include "trainer/iterators/multi_node_iterator.h"
#include "trainer/iterators/prefetch_iterator.h"
#include "trainer/iterators/serial_iterator.h"
#include "trainer/iterators/uneven_iterator.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;
using ::testing::SizeIs;
using ::testing::ThrowsMessage;

/// A text whose line i has 1 to 6 letters; a sample is {letters (length) int64, whether the first one is an a}.
std::shared_ptr<const Dataset> text(const std::string& path, int lines) {
  std::ofstream file(path);
  for (int i = 0; i < lines; ++i) {
    for (int k = 0; k <= 7 * i % 6; ++k) file << static_cast<char>('a' + (i + k) % 4);
    file << '\n';
  }
  file.close();
  return std::make_shared<TextDataset>(std::vector<std::string>{path}, [](TextDataset::Lines of) -> Example {
    std::vector<std::int64_t> letters;
    for (const char c : of[0]) letters.push_back(c - 'a');
    return {array(letters, {std::ssize(letters)}), full({}, of[0][0] == 'a', Dtype::kInt32)};
  });
}

using Values = std::vector<std::vector<std::int64_t>>;

/// The fields of some batches, and the shapes of x.
Values take(Iterator& iterator, int count) {
  Values values;
  for (int i = 0; i < count; ++i) {
    const Batch batch = iterator.next().value();
    for (const Array& field : batch.fields) values.push_back(to_vector<std::int64_t>(field.to(Dtype::kInt64)));
    const Shape& shape = batch.x().shape();
    values.emplace_back(shape.begin(), shape.end());
  }
  return values;
}

class PaddedBatchesTest : public ::testing::Test {
 protected:
  testing::ScratchFolder folder_;
  std::shared_ptr<const Dataset> text_ = text(folder_ / "text", 23);
};

TEST_F(PaddedBatchesTest, AreTheSameForAnyNumberOfThreads) {
  const IteratorOptions options{.batch_size = 5, .seed = 3, .padding = -1};
  SerialIterator serial(text_, options);
  const Values want = take(serial, 11);
  for (const int threads : {1, 3}) {
    MultithreadIterator iterator(text_, options, {.threads = threads, .prefetch = 3});
    EXPECT_EQ(take(iterator, 11), want);
  }
  const testing::EmulatedGpus gpus;
  PrefetchIterator ahead(std::make_unique<SerialIterator>(text_, options), testing::kGpu);
  EXPECT_EQ(take(ahead, 11), want);
}

TEST_F(PaddedBatchesTest, ARankPadsToItsOwnLongest) {
  SerialIterator whole(text_, {.batch_size = 4, .shuffle = false, .padding = -1});
  EXPECT_EQ(whole.next()->x().shape(), (Shape{4, 4}));  // 1, 2, 3 and 4 letters
  SerialIterator first(text_, {.batch_size = 4, .shuffle = false, .rank = 0, .size = 2, .padding = -1});
  EXPECT_EQ(first.next()->x().shape(), (Shape{2, 2}));
}

TEST_F(PaddedBatchesTest, APartWithoutSamplesHasAllFields) {
  for (const int threads : {0, 1}) {
    const auto iterator =
        make_iterator(text(folder_ / "one", 1), {.batch_size = 2, .repeat = false, .rank = 0, .size = 2, .padding = -1},
                      {.threads = threads});
    const Batch batch = iterator->next().value();
    EXPECT_EQ(batch.size(), 0);
    ASSERT_THAT(batch.fields, SizeIs(3));
    EXPECT_EQ(batch.x().shape()[0], 0);
    EXPECT_EQ(batch.fields[2].shape(), (Shape{0}));
  }
  run_on_threads(2, [&](Communicator& comm) {
    UnevenIterator uneven(comm.rank() == 0 ? text_ : nullptr, {.batch_size = 4, .padding = -1}, {.threads = 0}, comm);
    EXPECT_THAT(uneven.next()->fields, SizeIs(3));
  });
}

/// A text of which samples before number `readable` cannot be read.
struct PartlyMissing final : Dataset {
  PartlyMissing(std::shared_ptr<const Dataset> base, std::int64_t readable)
      : base_(std::move(base)), readable_(readable) {}
  std::int64_t size() const override { return base_->size(); }
  std::vector<FieldSpec> fields() const override { return base_->fields(); }
  Example get(std::int64_t index, const SampleContext& context) const override {
    if (index < readable_ && !context.may_replace) throw MissingSample("sample ", index, " is missing.");
    return base_->get(index, context);
  }
  std::shared_ptr<const Dataset> base_;
  std::int64_t readable_;
};

TEST_F(PaddedBatchesTest, LeaveOutWhatIsMissing) {
  const IteratorOptions options{.batch_size = 3, .repeat = false, .shuffle = false, .padding = -1};
  SerialIterator iterator(std::make_shared<PartlyMissing>(text_, 4), options);
  const Batch none = iterator.next().value(), some = iterator.next().value();
  EXPECT_EQ(none.size(), 0);
  EXPECT_THAT(none.fields, SizeIs(3));
  EXPECT_THAT(some.indices, ElementsAre(4, 5));
  EXPECT_EQ(some.x().shape(), (Shape{2, 6}));  // 5 and 6 letters
  EXPECT_THAT(to_vector<std::int64_t>(some.fields[2]), ElementsAre(5, 6));
}

TEST_F(PaddedBatchesTest, TravelToAllRanks) {
  const auto alone = std::make_unique<SerialIterator>(text_, IteratorOptions{.batch_size = 5, .padding = -1});
  const Values want = take(*alone, 3);
  run_on_threads(2, [&](Communicator& comm) {
    auto mine = std::make_unique<SerialIterator>(text_, IteratorOptions{.batch_size = 5, .padding = -1});
    MultiNodeIterator iterator(std::move(mine), comm);
    EXPECT_EQ(take(iterator, 3), want);
  });
}

TEST_F(PaddedBatchesTest, WithoutPaddingTheWayOutIsNamed) {
  for (const int threads : {0, 1}) {
    const auto iterator = make_iterator(text_, {.batch_size = 5}, {.threads = threads});
    EXPECT_THAT([&] { iterator->next(); }, ThrowsMessage<ShapeError>(HasSubstr("IteratorOptions::padding")));
  }
  MultithreadIterator wrong(text_, {.batch_size = 5, .padding = {0, 0, 0}}, {.threads = 2});
  EXPECT_THAT([&] { wrong.next(); }, ThrowsMessage<ValueError>(HasSubstr("3 fields")));
}

/// Which of two classes a line is of, by the last state of an LSTM.
struct Reader : Link {
  EmbedId embed{{.in = 4, .out = 3}};
  std::unique_ptr<NStepRnn> rnn = n_step_lstm({.layers = 1, .in = 3, .out = 5});
  Linear out{{.in = 5, .out = 2}};
  Reader() {
    add("embed", embed);
    add("rnn", *rnn);
    add("out", out);
  }
  Variable operator()(const Batch& batch) {
    Variables xs;
    for (const Array& letters : without_padding(batch.x(), batch.fields[2])) xs.push_back(embed(letters));
    return out(functions::reshape((*rnn)({}, {}, xs).h, {batch.size(), 5}));
  }
};

struct RunResult {
  std::vector<std::vector<float>> weights;
  double loss = 0;
};

RunResult run(const std::string& out, Communicator& comm, std::shared_ptr<const Dataset> data, int steps,
              const std::string& resume_from = "") {
  seed_parameters(3);
  Reader model;
  DistributedOptimizer optimizer(Sgd({.lr = 0.3}), comm);
  optimizer.setup(model);
  MultithreadIterator iterator(
      std::move(data),
      {.batch_size = 5, .seed = 4, .rank = comm.rank(), .size = comm.size(), .padding = {-1, std::nullopt}},
      {.threads = 2});
  const auto loss = [&](const Batch& batch) -> StandardUpdater::Loss {
    return {.loss = functions::softmax_cross_entropy(model(batch), batch.t()), .observation = {}};
  };
  StandardUpdater updater(iterator, model, loss, optimizer, comm);
  Trainer trainer(updater, {static_cast<double>(steps), Unit::kIteration}, out, comm);
  trainer.extend(std::make_unique<LogReport>(Trigger{4, Unit::kIteration}));
  trainer.extend(std::make_unique<Snapshot>(SnapshotOptions{.trigger = {8, Unit::kIteration}}));
  if (!resume_from.empty()) resume(trainer, resume_from);
  trainer.run();
  RunResult result;
  for (Parameter* p : model.parameters()) result.weights.push_back(to_vector<float>(p->array()));
  const auto& log = dynamic_cast<LogReport&>(trainer.extension("LogReport")).log();
  if (!log.empty()) result.loss = log.back().at("main/loss");  // rank 0 alone keeps one
  return result;
}

TEST_F(PaddedBatchesTest, TrainARecurrentNetworkThatGoesOnBitForBit) {
  SelfCommunicator self;
  const RunResult whole = run(folder_ / "whole", self, text_, 16);
  run(folder_ / "half", self, text_, 8);
  const RunResult rest = run(folder_ / "rest", self, text_, 16, newest_snapshot(folder_ / "half"));
  EXPECT_EQ(rest.weights, whole.weights);
  EXPECT_EQ(rest.loss, whole.loss);
  EXPECT_LT(whole.loss, 0.65);
}

TEST_F(PaddedBatchesTest, TwoRanksTrainLikeOne) {
  SelfCommunicator self;
  const RunResult alone = run(folder_ / "alone", self, text_, 8);
  run_on_threads(2, [&](Communicator& comm) {
    const RunResult together = run(folder_ / "together", comm, text_, 8);
    ASSERT_EQ(together.weights.size(), alone.weights.size());
    for (std::size_t i = 0; i < alone.weights.size(); ++i)
      EXPECT_THAT(together.weights[i], Pointwise(FloatNear(1e-4f), alone.weights[i]));
  });
}

}  // namespace
}  // namespace rensa
