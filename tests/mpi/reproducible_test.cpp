#include <gtest/gtest.h>

#include "comm/communicators/create_communicator.h"
#include "core/error.h"
#include "tests/support/reproducible_training.h"

namespace rensa {
namespace {

TEST(MpiReproducibleTest, ProcessesGiveTheBitsOfOneRankAlone) {
  const rensa::testing::ReproducibleTask task{.steps = 3};
  for (const char* name : {"auto", "flat", "hierarchical", "naive"}) {
    const auto comm = create_communicator(name);
    if (8 % comm->size() != 0) {
      EXPECT_THROW(rensa::testing::train_reproducibly(task, *comm), ValueError);
      continue;
    }
    SelfCommunicator self;
    const std::string together = rensa::testing::train_reproducibly(task, *comm);
    EXPECT_EQ(together == rensa::testing::train_reproducibly(task, self), true) << name;
  }
}

/// Only where a script asks for the weights: it compares them.
TEST(MpiReproducibleTest, FiftyStepsOfResNet18) {
  if (!std::getenv("RENSA_WEIGHTS_FOLDER")) GTEST_SKIP() << "RENSA_WEIGHTS_FOLDER is not set";
  const auto comm = create_communicator();
  const std::string bytes = rensa::testing::train_reproducibly(rensa::testing::long_reproducible_task(), *comm);
  if (comm->rank() == 0) rensa::testing::keep_weights("processes_" + std::to_string(comm->size()), bytes);
}

}  // namespace
}  // namespace rensa
