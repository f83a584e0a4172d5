#include "tools/bench/collective.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "comm/shm/thread_group.h"

namespace rensa::tools {
namespace {

const Collective& named(std::string_view name) {
  return *std::find_if(collectives().begin(), collectives().end(), [&](const Collective& c) { return c.name == name; });
}

TEST(CollectiveTest, EveryElementArrivesWhereItsOriginSays) {
  constexpr std::int64_t kCount = 37;
  for (const int ranks : {1, 2, 3}) {
    run_on_threads(ranks, [&](Communicator& comm) {
      for (const Collective& collective : collectives()) {
        for (const bool in_place : {false, true}) {
          if (in_place && !collective.has_in_place) continue;
          const int root = comm.size() - 1;
          const KnownValues values(Dtype::kFloat32, collective.reduces ? Operation::kSum : Operation::kMove,
                                   comm.size());
          const CollectiveCall call =
              make_call(collective, comm, kCount, in_place, root, Reduce::kSum,
                        [](std::int64_t count, bool mine) { return mine ? empty({count}) : Array(); });
          poison(call.out);
          if (call.in) values.fill(call.in, comm.rank());
          comm.barrier();
          collective.run(call);
          if (!call.out || (collective.result_only_on_root && comm.rank() != root)) continue;
          EXPECT_EQ(values.count_wrong(
                        call.out,
                        [&](std::int64_t i) { return collective.origin(comm.rank(), comm.size(), root, kCount, i); }),
                    0)
              << collective.name << (in_place ? " in place" : "") << ", rank " << comm.rank() << " of " << comm.size();
        }
      }
    });
  }
}

TEST(CollectiveTest, InPlaceArraysOverlap) {
  run_on_threads(2, [](Communicator& comm) {
    const auto make = [](std::int64_t count, bool mine) { return mine ? empty({count}) : Array(); };
    const CollectiveCall gather = make_call(named("all_gather"), comm, 5, true, 0, Reduce::kSum, make);
    EXPECT_EQ(gather.in.raw_data(), gather.out.data<float>() + 5 * comm.rank());
    const CollectiveCall reduce = make_call(named("all_reduce"), comm, 5, true, 0, Reduce::kSum, make);
    EXPECT_EQ(reduce.in.raw_data(), reduce.out.raw_data());
    const CollectiveCall scatter = make_call(named("scatter"), comm, 5, true, 0, Reduce::kSum, make);
    EXPECT_EQ(static_cast<bool>(scatter.in), comm.rank() == 0);
    EXPECT_EQ(scatter.out.size(), 5);
  });
}

TEST(CollectiveTest, SizesAndFactorsAreThoseOfNcclTests) {
  const Collective& all_reduce = named("all_reduce");
  EXPECT_EQ(all_reduce.bytes(10, 4, Dtype::kFloat32), 40);
  EXPECT_EQ(all_reduce.count(4, 4, Dtype::kFloat32), 1);
  EXPECT_DOUBLE_EQ(all_reduce.bus_factor(4), 1.5);
  const Collective& all_gather = named("all_gather");  // its count is a rank's part, its size the whole array
  EXPECT_EQ(all_gather.bytes(10, 4, Dtype::kFloat32), 160);
  EXPECT_EQ(all_gather.count(160, 4, Dtype::kFloat32), 10);
  EXPECT_EQ(all_gather.count(4, 4, Dtype::kFloat32), 1);
  for (const char* name : {"reduce_scatter", "all_gather", "gather", "scatter", "all_to_all"}) {
    EXPECT_DOUBLE_EQ(named(name).bus_factor(4), 0.75) << name;
  }
  for (const char* name : {"broadcast", "send_recv"}) EXPECT_DOUBLE_EQ(named(name).bus_factor(4), 1) << name;
}

}  // namespace
}  // namespace rensa::tools
