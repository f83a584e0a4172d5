#include "tests/support/uneven_training.h"

#include "comm/communicators/create_communicator.h"

namespace rensa {
namespace {

TEST(MpiUnevenTrainingTest, AShortTailCountsLikeInOneProcess) {
  for (const char* name : {"auto", "flat", "naive"}) {
    SCOPED_TRACE(name);
    rensa::testing::train_with_a_short_tail(*create_communicator(name));
  }
}

TEST(MpiUnevenTrainingTest, ARankWithoutDataTakesPartUntilTheEnd) {
  for (const char* name : {"auto", "flat", "naive"}) {
    SCOPED_TRACE(name);
    rensa::testing::train_with_a_rank_that_ends_early(*create_communicator(name));
  }
}

}  // namespace
}  // namespace rensa
