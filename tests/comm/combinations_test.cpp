#include <gtest/gtest.h>

#include "comm/communicators/create_communicator.h"
#include "comm/shm/thread_group.h"
#include "tests/conformance/conformance.h"
#include "tests/support/combinations.h"

namespace rensa {
namespace {

struct Topology {
  int ranks, ranks_per_node;
};

class CombinationsTest : public ::testing::TestWithParam<Topology> {};

TEST_P(CombinationsTest, TrainLikeOneProcessOnTheWholeBatch) {
  run_on_threads(GetParam().ranks,
                 [](Communicator& threads) {
                   for (const std::string& name : communicator_names()) {
                     const bool moves_data = name != "dummy" && name != "pure_nccl" && name != "self";
                     if (!moves_data || !rensa::testing::suits(name, threads.place())) continue;
                     const auto comm = compose_communicator(name, threads.split(0, threads.rank()));
                     rensa::testing::expect_every_combination_trains_like_one_process(*comm, 8);
                   }
                 },
                 {.ranks_per_node = GetParam().ranks_per_node});
}

INSTANTIATE_TEST_SUITE_P(Topologies, CombinationsTest,
                         ::testing::Values(Topology{2, 2}, Topology{3, 3}, Topology{4, 4}, Topology{2, 1},
                                           Topology{4, 2}, Topology{3, 2}),
                         [](const auto& each) {
                           return detail::join(each.param.ranks, "_ranks_on_nodes_of_", each.param.ranks_per_node);
                         });

}  // namespace
}  // namespace rensa
