#include "comm/reproducible/tree_all_reduce.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/communicators/create_communicator.h"
#include "comm/shm/thread_group.h"
#include "tests/support/hashed_numbers.h"

namespace rensa {
namespace {

Array numbers_of(int rank, std::int64_t count) {
  const rensa::testing::HashedNumbers numbers(static_cast<std::uint64_t>(rank));
  const Array x = empty({count});
  for (std::int64_t i = 0; i < count; ++i) x.data<float>()[i] = static_cast<float>(numbers.uniform(i));
  return x;
}

/// The tree, written down.
float pairwise(const std::vector<float>& values) {
  std::vector<float> level = values;
  while (level.size() > 1) {
    std::vector<float> next;
    for (std::size_t i = 0; i + 1 < level.size(); i += 2) next.push_back(level[i] + level[i + 1]);
    if (level.size() % 2 == 1) next.push_back(level.back());
    level = next;
  }
  return level.front();
}

TEST(TreeAllReduceTest, SumsTwoByTwoForAnyLengthPieceAndCommunicator) {
  for (const int ranks : {1, 2, 3, 5, 8}) {
    run_on_threads(ranks, [ranks](Communicator& threads) {
      for (const char* name : {"flat", "naive", "hierarchical"}) {
        const auto comm = compose_communicator(name, threads.split(0, threads.rank()));
        for (const std::int64_t count : {1, 2, 7, 64, 1000}) {
          for (const std::size_t piece_bytes : {static_cast<std::size_t>(count), std::size_t{1} << 20}) {
            const Array x = numbers_of(comm->rank(), count);
            tree_all_reduce(*comm, x, piece_bytes);
            for (std::int64_t i = 0; i < count; ++i) {
              std::vector<float> all;
              for (int rank = 0; rank < ranks; ++rank) all.push_back(numbers_of(rank, count).data<float>()[i]);
              ASSERT_EQ(x.data<float>()[i], pairwise(all))
                  << name << " " << ranks << " " << count << " " << piece_bytes;
            }
          }
        }
      }
    });
  }
}

}  // namespace
}  // namespace rensa
