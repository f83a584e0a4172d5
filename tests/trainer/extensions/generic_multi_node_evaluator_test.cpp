#include "trainer/extensions/generic_multi_node_evaluator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/shm/thread_group.h"
#include "trainer/datasets/array_dataset.h"
#include "trainer/iterators/serial_iterator.h"

namespace rensa {
namespace {

/// Samples 0 … count - 1, of which each rank has those whose number modulo 3 is its own, and rank 2 none.
std::unique_ptr<Iterator> uneven(std::int64_t count, int rank) {
  std::vector<float> x;
  for (std::int64_t i = rank; i < count && rank < 2; i += 3) x.push_back(static_cast<float>(i));
  const auto size = static_cast<std::int64_t>(x.size());
  const Array column = size > 0 ? array(x, {size, 1}) : zeros({0, 1}, Dtype::kFloat32);
  return std::make_unique<SerialIterator>(std::make_shared<ArrayDataset>(std::vector<Array>{column}),
                                          IteratorOptions{.batch_size = 2, .repeat = false, .shuffle = false});
}

TEST(GenericMultiNodeEvaluatorTest, RootSeesEveryBatchOfEveryRankInOrder) {
  for (const int root : {0, 1}) {
    run_on_threads(3, [&](Communicator& comm) {
      GenericMultiNodeEvaluator<std::vector<float>> evaluator(
          uneven(10, comm.rank()), [](const Batch& batch) { return to_vector<float>(batch.x()); },
          [&](const std::vector<std::vector<float>>& results) {
            EXPECT_EQ(comm.rank(), root);
            EXPECT_THAT(results, ::testing::ElementsAre(std::vector<float>{0, 3}, std::vector<float>{6, 9},
                                                        std::vector<float>{1, 4}, std::vector<float>{7}));
            return Observation{{"validation/main/batches", {static_cast<double>(results.size())}}};
          },
          "validation", root);
      for (int round = 0; round < 2; ++round) {
        const Observation seen = evaluator.evaluate(comm);
        EXPECT_EQ(seen.size(), comm.rank() == root ? 1u : 0u);
      }
    });
  }
}

}  // namespace
}  // namespace rensa
