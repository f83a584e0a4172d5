// What PyPI's Chainer 7.8.1 wrote (scripts/oracle/make_chainer_snapshot.py) loads here and goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "comm/self/self_communicator.h"
#include "core/error.h"
#include "core/models/mlp.h"
#include "core/optimizers/adam.h"
#include "core/serializers/npz.h"
#include "core/serializers/weights.h"
#include "tests/support/hashed_numbers.h"
#include "tests/support/scratch_folder.h"
#include "trainer/classifier.h"
#include "trainer/datasets/array_dataset.h"
#include "trainer/extensions/log_report.h"
#include "trainer/extensions/snapshot.h"
#include "trainer/iterators/serial_iterator.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

constexpr std::int64_t kSamples = 100, kFeatures = 4;
const std::string kFolder = RENSA_SOURCE_DIR "/tests/fixtures/chainer/";

std::shared_ptr<const Dataset> dataset() {
  const testing::HashedNumbers features(1), labels(2);
  std::vector<float> x;
  std::vector<std::int32_t> t;
  for (std::int64_t i = 0; i < kSamples * kFeatures; ++i) {
    x.push_back(static_cast<float>(std::nearbyint(features.uniform(i) * 1024) / 1024));
  }
  for (std::int64_t i = 0; i < kSamples; ++i) t.push_back(static_cast<std::int32_t>(labels.label(i, 3)));
  return std::make_shared<ArrayDataset>(std::vector<Array>{array(x, {kSamples, kFeatures}), array(t, {kSamples})});
}

std::unique_ptr<UnaryLink> network() {
  return std::make_unique<models::Mlp>(models::MlpOptions{.in = kFeatures, .units = 6, .out = 3});
}

/// A trainer like the one in the script, with the loss of every step.
struct ChainersTraining {
  Classifier model{network()};
  Adam optimizer{{.lr = 0.01}};
  SerialIterator iterator{dataset(), {.batch_size = 10, .seed = 1}};
  SelfCommunicator comm;
  StandardUpdater updater{iterator, model, optimizer, comm, 1};
  testing::ScratchFolder folder;
  Trainer trainer{updater, {9, Unit::kIteration}, folder.path().string(), comm};

  ChainersTraining() {
    optimizer.setup(model);
    trainer.extend(std::make_unique<LogReport>(Trigger{1, Unit::kIteration}));
  }
  const LogReport& report() { return dynamic_cast<const LogReport&>(trainer.extension("LogReport")); }
};

TEST(ChainerSnapshotTest, ASnapshotOfChainersGoesOnAsItDidThere) {
  ChainersTraining run;
  resume(run.trainer, kFolder + "trainer.npz");
  EXPECT_EQ(run.updater.iteration(), 3);
  EXPECT_EQ(run.iterator.current_position(), 30);
  EXPECT_EQ(run.optimizer.t(), 3);
  ASSERT_EQ(run.report().log().size(), 1u);
  EXPECT_EQ(run.report().log()[0].at("iteration"), 2);
  run.trainer.run();
  const NpzReader expected(kFolder + "expected.npz");
  const std::vector<double> losses = to_vector<double>(expected.array("losses"));
  ASSERT_EQ(run.report().log().size(), 1 + losses.size());
  for (std::size_t i = 0; i < losses.size(); ++i)
    EXPECT_NEAR(run.report().log()[1 + i].at("main/loss"), losses[i], 2e-6);
  for (const Link::NamedParameter& named : run.model.named_parameters()) {
    const std::vector<float> found = to_vector<float>(named.parameter->array()),
                             there = to_vector<float>(expected.array(named.path));
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], there[i], 2e-6) << named.path << " " << i;
  }
}

TEST(ChainerSnapshotTest, AModelInHdf5IsTheOneInTheSnapshot) {
  Classifier from_npz(network()), from_hdf5(network());
  EXPECT_THAT(load_weights(from_npz, kFolder + "trainer.npz"), IsEmpty());
  EXPECT_NE(to_vector<float>(from_npz.parameters()[0]->array()), to_vector<float>(from_hdf5.parameters()[0]->array()));
  try {
    load_weights(from_hdf5, kFolder + "model.h5");
  } catch (const FileError& error) {
    if (std::string(error.what()).find("without libhdf5") != std::string::npos) GTEST_SKIP() << error.what();
    throw;
  }
  const NpzReader expected(kFolder + "expected.npz");
  for (const Link::NamedParameter& named : from_hdf5.named_parameters()) {
    EXPECT_EQ(to_vector<float>(named.parameter->array()), to_vector<float>(expected.array(named.path))) << named.path;
  }
}

TEST(ChainerSnapshotTest, EveryKindOfArrayIsRead) {
  const NpzReader odd(kFolder + "odd.npz");
  for (const char* kind : {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "fortran", "a/b:c/W"}) {
    EXPECT_EQ(odd.array(kind).shape(), Shape({2, 3})) << kind;
    EXPECT_EQ(to_vector<double>(odd.array(kind)), (std::vector<double>{0, 1, 2, 3, 4, 5})) << kind;
  }
  EXPECT_EQ(to_vector<double>(odd.array("b1")), (std::vector<double>{0, 1, 1, 1, 1, 1}));
  EXPECT_EQ(odd.array("zero_d").item<double>(), 2.5);
  EXPECT_EQ(odd.array("empty").shape(), Shape({0, 3}));
  EXPECT_FALSE(odd.has("none"));
  NpzReader reader(kFolder + "odd.npz");
  std::string text;
  reader("text", text);
  EXPECT_EQ(text, "Straße 連鎖");
}

TEST(ChainerSnapshotTest, WeightsThatChainerHadNoShapeForAreMissed) {
  Classifier model(network());
  EXPECT_THAT([&] { load_weights(model, kFolder + "fresh.npz"); },
              ThrowsMessage<FileError>(HasSubstr("predictor/l1/W: not in the file")));
}

}  // namespace
}  // namespace rensa
