#include <gtest/gtest.h>

#include "comm/communicators/create_communicator.h"
#include "core/models/mlp.h"
#include "tests/conformance/conformance.h"
#include "tests/support/combinations.h"

namespace rensa {
namespace {

const rensa::testing::DataParallelTask kMlp = rensa::testing::mlp_task();

TEST(MpiDataParallelTest, RanksTrainAConvolutionalNetworkLikeOneRank) {
  const auto task = rensa::testing::conv_net_task();
  const auto comm = create_communicator();
  rensa::testing::expect_same_losses(rensa::testing::train(task, *comm, Dtype::kFloat64, 50),
                                     rensa::testing::train_alone(task, Dtype::kFloat64, 50), 1e-10);
  rensa::testing::expect_same_losses(rensa::testing::train(task, *comm, Dtype::kFloat32, 10),
                                     rensa::testing::train_alone(task, Dtype::kFloat32, 10), 1e-5);
}

TEST(MpiDataParallelTest, RanksTrainLikeOneRankOnTheWholeBatch) {
  for (const char* name : {"auto", "flat", "hierarchical", "naive"}) {
    SCOPED_TRACE(name);
    const auto comm = create_communicator(name);
    rensa::testing::expect_same_losses(rensa::testing::train(kMlp, *comm, Dtype::kFloat64, 50),
                                       rensa::testing::train_alone(kMlp, Dtype::kFloat64, 50), 1e-10);
    rensa::testing::expect_same_losses(rensa::testing::train(kMlp, *comm, Dtype::kFloat32, 10),
                                       rensa::testing::train_alone(kMlp, Dtype::kFloat32, 10), 1e-5);
  }
}

TEST(MpiDataParallelTest, EveryCombinationTrainsLikeOneProcess) {
  for (const char* name :
       {"auto", "flat", "hierarchical", "two_dimensional", "single_node", "naive", "non_cuda_aware"}) {
    if (!rensa::testing::suits(name, create_communicator("flat")->place())) continue;
    const auto comm = create_communicator(name);
    rensa::testing::expect_every_combination_trains_like_one_process(*comm, 5);
  }
}

}  // namespace
}  // namespace rensa
