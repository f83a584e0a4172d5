#include "trainer/extensions/dump_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "comm/self/self_communicator.h"
#include "core/models/mlp.h"
#include "core/optimizers/sgd.h"
#include "tests/support/scratch_folder.h"
#include "trainer/datasets/array_dataset.h"
#include "trainer/iterators/serial_iterator.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(DumpGraphTest, WritesTheGraphOfTheFirstLoss) {
  const rensa::testing::ScratchFolder folder;
  const auto data =
      std::make_shared<ArrayDataset>(std::vector<Array>{ones({4, 3}, Dtype::kFloat32), zeros({4}, Dtype::kInt32)});
  SerialIterator iterator(data, {.batch_size = 2});
  Classifier model(std::make_unique<models::Mlp>(models::MlpOptions{.in = 3, .units = 4, .out = 2}));
  Sgd optimizer;
  optimizer.setup(model);
  SelfCommunicator comm;
  StandardUpdater updater(iterator, model, optimizer, comm);
  Trainer trainer(updater, {3, Unit::kIteration}, folder.path().string(), comm);
  trainer.extend(std::make_unique<DumpGraph>());
  trainer.run();
  std::ifstream file(folder / "cg.dot");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_THAT(text,
              AllOf(StartsWith("digraph"), HasSubstr("softmax_cross_entropy"), HasSubstr("linear"), HasSubstr("relu")));
}

}  // namespace
}  // namespace rensa
