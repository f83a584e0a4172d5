#include "comm/model_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/shm/thread_group.h"
#include "core/functions/arithmetic.h"
#include "core/functions/reduction.h"
#include "core/optimizers/sgd.h"

namespace rensa {
namespace {

using ::testing::Each;

struct Model : Link {
  Parameter W{{4}, init::zeros()};
  Array statistics = zeros({2}), later;  // one that takes its shape from data
  Model() {
    add("W", W);
    add_persistent("statistics", statistics);
    add_persistent("later", later);
  }
};

TEST(BroadcastDataTest, LeavesOutPersistentValuesThatHaveNoShapeYet) {
  run_on_threads(2, [](Communicator& comm) {
    Model model;
    model.statistics.fill(comm.rank() + 1);
    broadcast_data(comm, model);
    EXPECT_THAT(to_vector<float>(model.statistics), Each(1.0f));
    EXPECT_FALSE(model.later);
  });
}

TEST(MeanGradientsTest, ABackwardBehindItAddsToTheMean) {
  run_on_threads(2, [](Communicator& comm) {
    Model model;
    Sgd optimizer({.lr = 1});  // whose arena is the place of the gradients
    optimizer.setup(model);
    functions::sum(model.W * (1.0 + comm.rank())).backward();
    mean_gradients(comm, model);
    functions::sum(model.W * 5).backward();
    EXPECT_THAT(to_vector<float>(model.W.grad()), Each(6.5f));
    optimizer.update();
    EXPECT_THAT(to_vector<float>(model.W.array()), Each(-6.5f));
  });
}

}  // namespace
}  // namespace rensa
