#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "comm/communicators/communicator.h"
#include "core/error.h"

namespace rensa::testing {

/// What every communicator does, asked of one rank among its peers. Called on all ranks together: by threads in
/// tests/comm, by processes in tests/mpi.
inline void expect_collectives_work(Communicator& comm) {
  using ::testing::Each;
  using ::testing::ElementsAreArray;
  const int rank = comm.rank(), size = comm.size();

  for (const std::int64_t count : {std::int64_t{1}, std::int64_t{5}, std::int64_t{40000}}) {
    Array x = full({count}, rank + 1.0f);
    comm.all_reduce(x);
    EXPECT_THAT(to_vector<float>(x), Each(static_cast<float>(size * (size + 1) / 2)));
    Array largest = full({count}, rank, Dtype::kInt64), smallest = full({count}, rank - 3.0, Dtype::kFloat64);
    comm.all_reduce(largest, Reduce::kMax);
    comm.all_reduce(smallest, Reduce::kMin);
    EXPECT_THAT(to_vector<std::int64_t>(largest), Each(size - 1));
    EXPECT_THAT(to_vector<double>(smallest), Each(-3.0));
  }

  for (int root = 0; root < size; ++root) {
    Array x = full({7}, rank, Dtype::kBFloat16);
    comm.broadcast(x, root);
    EXPECT_THAT(to_vector<float>(x), Each(static_cast<float>(root)));
  }

  std::vector<float> ranks;
  for (int r = 0; r < size; ++r) ranks.insert(ranks.end(), 3, static_cast<float>(r));
  Array parts = array(ranks, {size, 3}), mine = empty({3});
  comm.reduce_scatter(parts, mine);
  EXPECT_THAT(to_vector<float>(mine), Each(static_cast<float>(rank * size)));
  Array in_place = array(ranks, {size, 3});
  comm.reduce_scatter(in_place, in_place.select(0, rank));
  EXPECT_THAT(to_vector<float>(in_place.select(0, rank)), Each(static_cast<float>(rank * size)));

  Array all = empty({size, 3});
  comm.all_gather(full({3}, rank), all);
  EXPECT_THAT(to_vector<float>(all), ElementsAreArray(ranks));
  all = full({size, 3}, -1);
  all.select(0, rank).fill(rank);
  comm.all_gather(all.select(0, rank), all);
  EXPECT_THAT(to_vector<float>(all), ElementsAreArray(ranks));

  const int root = size - 1;
  Array gathered = rank == root ? full({size, 3}, -1) : Array();
  comm.gather(full({3}, rank), gathered, root);
  if (rank == root) {
    EXPECT_THAT(to_vector<float>(gathered), ElementsAreArray(ranks));
  }
  Array part = empty({3});
  comm.scatter(gathered, part, root);
  EXPECT_THAT(to_vector<float>(part), Each(static_cast<float>(rank)));

  Array out = empty({size, 2}, Dtype::kInt32);
  std::vector<std::int32_t> sent, expected;
  for (int r = 0; r < size; ++r) {
    sent.insert(sent.end(), 2, 100 * rank + r);
    expected.insert(expected.end(), 2, 100 * r + rank);
  }
  comm.all_to_all(array(sent, {size, 2}), out);
  EXPECT_THAT(to_vector<std::int32_t>(out), ElementsAreArray(expected));

  if (size > 1) {
    Array token = full({4}, rank);
    if (rank % 2 == 0 && rank + 1 < size) comm.send(token, rank + 1, 7);
    if (rank % 2 == 1) {
      comm.recv(token, rank - 1, 7);
      EXPECT_THAT(to_vector<float>(token), Each(static_cast<float>(rank - 1)));
    }
  }
  comm.barrier();

  EXPECT_EQ(comm.broadcast_bytes(rank == root ? "a message" : "", root), "a message");
  const std::vector<std::string> names = comm.all_gather_bytes(std::string(static_cast<std::size_t>(rank), 'x'));
  for (int r = 0; r < size; ++r) EXPECT_EQ(names[static_cast<std::size_t>(r)].size(), static_cast<std::size_t>(r));

  const auto halves = comm.split(rank % 2, -rank);  // in reverse order of ranks
  ASSERT_TRUE(halves);
  EXPECT_EQ(halves->size(), (size + 1 - rank % 2) / 2);
  EXPECT_EQ(halves->rank(), halves->size() - 1 - rank / 2);
  Array sum = full({2}, rank);
  halves->all_reduce(sum);
  float expected_sum = 0;
  for (int r = rank % 2; r < size; r += 2) expected_sum += static_cast<float>(r);
  EXPECT_THAT(to_vector<float>(sum), Each(expected_sum));
  const auto some = comm.split(rank == 0 ? -1 : 0, rank);
  EXPECT_EQ(some == nullptr, rank == 0);
}

/// What is refused before anything moves, so that no rank waits for another.
inline void expect_bad_calls_are_refused(Communicator& comm) {
  EXPECT_THROW(comm.broadcast(zeros({2}), comm.size()), ValueError);
  EXPECT_THROW(comm.all_reduce(Array()), ValueError);
  EXPECT_THROW(comm.all_reduce(zeros({2}, Dtype::kBool)), DtypeError);
  EXPECT_THROW(comm.all_reduce(zeros({2}, Dtype::kInt32), Reduce::kMean), DtypeError);
  EXPECT_THROW(comm.all_gather(zeros({2}), zeros({comm.size() * 2 + 1})), ShapeError);
  EXPECT_THROW(comm.send(zeros({2}), comm.rank()), ValueError);
}

}  // namespace rensa::testing
