#include "trainer/extensions/reestimate_statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/shm/thread_group.h"
#include "core/error.h"
#include "core/links/batch_normalization.h"
#include "tests/support/scratch_folder.h"
#include "tests/trainer/counting_updater.h"
#include "trainer/datasets/array_dataset.h"
#include "trainer/iterators/serial_iterator.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

/// Batches of 4 rows {i, -2 i}; the ranks take turns.
std::unique_ptr<Iterator> batches(int rank, int size) {
  std::vector<float> x;
  for (int i = 0; i < 24; ++i) {
    x.push_back(static_cast<float>(i));
    x.push_back(static_cast<float>(-2 * i));
  }
  const auto data = std::make_shared<ArrayDataset>(std::vector<Array>{array(x, {24, 2})});
  return std::make_unique<SerialIterator>(
      data, IteratorOptions{.batch_size = 4 * size, .shuffle = false, .rank = rank, .size = size});
}

TEST(ReestimateStatisticsTest, GivesTheMeanOverBatchesAndRanks) {
  const rensa::testing::ScratchFolder folder;
  run_on_threads(2, [&](Communicator& comm) {
    BatchNormalization model({.size = 2});
    testing::CountingUpdater updater;
    Trainer trainer(updater, {1, Unit::kIteration}, folder.path().string(), comm);
    ReestimateStatistics extension(
        batches(comm.rank(), comm.size()), model, [&](const Batch& batch) { model(batch.x()); }, 3);
    for (int round = 0; round < 2; ++round) {
      model.avg_mean.fill(77);
      extension(trainer);
      const std::vector<float> mean = to_vector<float>(model.avg_mean), var = to_vector<float>(model.avg_var);
      EXPECT_NEAR(mean[0], 11.5, 1e-4);  // of 0 … 23
      EXPECT_NEAR(mean[1], -23, 1e-4);
      EXPECT_NEAR(var[1] / var[0], 4, 1e-4);
      EXPECT_LT(var[0], 2);  // inside of a batch of four neighbours
      EXPECT_EQ(*model.N.data<std::int64_t>(), 0);
      EXPECT_EQ(model.options().decay, 0.9);
    }
  });
}

TEST(ReestimateStatisticsTest, NeedsABatch) {
  BatchNormalization model({.size = 2});
  EXPECT_THROW(ReestimateStatistics(batches(0, 1), model, [](const Batch&) {}, 0), ValueError);
}

}  // namespace
}  // namespace rensa
