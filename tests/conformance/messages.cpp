#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "comm/array_messages.h"
#include "tests/conformance/conformance.h"

namespace rensa::testing {
namespace {

using ::testing::Each;

/// Even ranks send first: a message that does not fit a buffer waits for its receiver.
void exchange(Communicator& comm, const std::function<void()>& send, const std::function<void()>& recv) {
  if (comm.rank() % 2 == 0) send();
  recv();
  if (comm.rank() % 2 == 1) send();
}

void messages_around_the_ring(Communicator& comm) {
  const int rank = comm.rank(), size = comm.size();
  if (size == 1) return;
  const int next = (rank + 1) % size, before = (rank + size - 1) % size;
  const std::vector<Shape> shapes = {{50}, {50, 20}, {50, 20, 5}, {50, 20, 5, 3}, {}, {0, 3}};
  for (const Shape& shape : shapes) {
    Array got;
    exchange(comm, [&] { send_array(comm, full(shape, rank), next); }, [&] { got = recv_array(comm, before); });
    EXPECT_EQ(got.shape(), shape);
    EXPECT_THAT(to_vector<float>(got), Each(static_cast<float>(before)));
  }
  for (const std::size_t count : {std::size_t{1}, std::size_t{3}}) {
    std::vector<Array> sent, got;
    for (std::size_t i = 0; i < count; ++i)
      sent.push_back(full(shapes[i], rank + static_cast<double>(i), Dtype::kFloat16));
    exchange(comm, [&] { send_arrays(comm, sent, next, 4); }, [&] { got = recv_arrays(comm, before, 4); });
    ASSERT_EQ(got.size(), count);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(got[i].dtype(), Dtype::kFloat16);
      EXPECT_EQ(got[i].shape(), shapes[i]);
      EXPECT_THAT(to_vector<float>(got[i]), Each(static_cast<float>(before) + static_cast<float>(i)));
    }
  }
}

void arrays_of_any_shape(Communicator& comm, Dtype dtype) {
  const int rank = comm.rank(), size = comm.size();
  const auto of_rank = [dtype](int r) { return full({r + 1, 2}, r, dtype); };
  const auto expect_of = [&](const Array& x, int r) {
    EXPECT_EQ(x.dtype(), dtype);
    EXPECT_EQ(x.shape(), Shape({r + 1, 2}));
    EXPECT_THAT(to_vector<float>(x), Each(static_cast<float>(r)));
  };
  const int root = size / 2;
  expect_of(broadcast_array(comm, rank == root ? of_rank(root) : Array(), root), root);
  const auto all = all_gather_arrays(comm, of_rank(rank));
  const auto gathered = gather_arrays(comm, of_rank(rank), root);
  ASSERT_EQ(all.size(), static_cast<std::size_t>(size));
  ASSERT_EQ(gathered.size(), rank == root ? static_cast<std::size_t>(size) : 0u);
  std::vector<Array> mine;
  for (int r = 0; r < size; ++r) {
    expect_of(all[static_cast<std::size_t>(r)], r);
    if (rank == root) expect_of(gathered[static_cast<std::size_t>(r)], r);
    mine.push_back(full({rank + r, 3}, 10 * rank + r, dtype));  // the first is empty on rank 0
  }
  expect_of(scatter_arrays(comm, gathered, root), rank);
  const auto exchanged = all_to_all_arrays(comm, mine);
  for (int r = 0; r < size; ++r) {
    EXPECT_EQ(exchanged[static_cast<std::size_t>(r)].shape(), Shape({rank + r, 3}));
    EXPECT_THAT(to_vector<float>(exchanged[static_cast<std::size_t>(r)]), Each(static_cast<float>(10 * r + rank)));
  }
  // without axes
  const auto scalars = all_gather_arrays(comm, full({}, rank, dtype));
  EXPECT_EQ(scalars.back().shape(), Shape({}));
  EXPECT_EQ(scalars.back().item<int>(), size - 1);
}

/// Bytes that differ from rank to rank and from place to place.
std::string letters(std::size_t length, int rank) {
  constexpr std::size_t kPrime = 2654435761;  // no two stretches of a length that pieces may have are alike
  std::string text(length, 0);
  for (std::size_t i = 0; i < length; ++i)
    text[i] = static_cast<char>((i * kPrime >> 24) + static_cast<std::size_t>(rank));
  return text;
}

void bytes_of_any_length(Communicator& comm) {
  const int rank = comm.rank(), size = comm.size();
  for (const std::size_t length :
       {std::size_t{0}, std::size_t{1}, std::size_t{1024}, std::size_t{355678}, (std::size_t{1} << 20) + 1}) {
    for (int root = 0; root < size; ++root) {
      EXPECT_TRUE(comm.broadcast_bytes(rank == root ? letters(length, root) : "", root) == letters(length, root));
    }
    // each rank another length
    const auto of_rank = [&](int r) { return letters(length * static_cast<std::size_t>(r), r); };
    const std::vector<std::string> all = comm.all_gather_bytes(of_rank(rank)),
                                   gathered = comm.gather_bytes(of_rank(rank), size - 1);
    ASSERT_EQ(all.size(), static_cast<std::size_t>(size));
    ASSERT_EQ(gathered.size(), rank == size - 1 ? static_cast<std::size_t>(size) : 0u);
    for (std::size_t r = 0; r < all.size(); ++r) EXPECT_TRUE(all[r] == of_rank(static_cast<int>(r)));
    for (std::size_t r = 0; r < gathered.size(); ++r) EXPECT_TRUE(gathered[r] == of_rank(static_cast<int>(r)));
    if (size == 1) continue;
    const int next = (rank + 1) % size, before = (rank + size - 1) % size;
    Message got;
    exchange(comm, [&] { comm.send_bytes(of_rank(rank), next, 5); }, [&] { got = comm.recv_bytes(before); });
    EXPECT_TRUE(got.bytes == of_rank(before));
    EXPECT_EQ(got.source, before);
    EXPECT_EQ(got.tag, 5);
  }
}

/// Of the size and dtype of what collectives send each other, with the tags that they might use.
void messages_asked_for_behind_collectives(Communicator& comm) {
  const int rank = comm.rank(), size = comm.size(), root = 0;
  if (size == 1) return;
  const int next = (rank + 1) % size, before = (rank + size - 1) % size;
  for (const int tag : {0, 1}) comm.send(full({4}, 100 + tag), next, tag);
  for (const std::int64_t count : {4, 300000}) {  // the second goes around a ring between nodes
    const Array x = full({count}, rank + 1);
    comm.all_reduce(x);
    const std::vector<float> sums = to_vector<float>(x);
    EXPECT_EQ(std::count(sums.begin(), sums.end(), static_cast<float>(size * (size + 1) / 2)), count);
  }
  const Array mine = full({4}, rank), all = rank == root ? zeros({size, 4}) : Array(), back = zeros({4});
  comm.gather(mine, all, root);
  for (int r = 0; r < size && rank == root; ++r) {
    EXPECT_THAT(to_vector<float>(all.select(0, r)), Each(static_cast<float>(r)));
  }
  comm.scatter(all, back, root);
  EXPECT_THAT(to_vector<float>(back), Each(static_cast<float>(rank)));
  const std::vector<Array> gathered = gather_arrays(comm, mine, root);
  for (std::size_t r = 0; r < gathered.size(); ++r) {
    EXPECT_THAT(to_vector<float>(gathered[r]), Each(static_cast<float>(r)));
  }
  EXPECT_THAT(to_vector<float>(scatter_arrays(comm, gathered, root)), Each(static_cast<float>(rank)));
  for (const int tag : {0, 1}) {
    comm.recv(back, before, tag);
    EXPECT_THAT(to_vector<float>(back), Each(static_cast<float>(100 + tag)));
  }
}

/// Rank 0 asks for any message while others have begun to gather: their bytes are not meant.
void any_message_is_the_programs(Communicator& comm) {
  const int rank = comm.rank(), size = comm.size();
  if (size == 1) return;
  constexpr int kBegun = 3;
  if (rank == 0) {
    const Message first = comm.recv_bytes();
    EXPECT_EQ(first.bytes, "hello");
    EXPECT_EQ(first.source, 1);
    EXPECT_EQ(first.tag, 5);
  } else if (rank == 1) {
    for (int r = 2; r < size; ++r) comm.recv_bytes(r, kBegun);
    comm.send_bytes("hello", 0, 5);
  }
  const std::vector<std::string> gathered = comm.gather_bytes(std::to_string(rank), 0);
  for (std::size_t r = 0; r < gathered.size(); ++r) EXPECT_EQ(gathered[r], std::to_string(r));
  if (rank > 1) comm.send_bytes("", 1, kBegun);
  comm.barrier();  // nobody's next message is taken for this one
}

}  // namespace

std::vector<ConformanceCheck> message_checks() {
  std::vector<ConformanceCheck> checks = for_each_dtype(
      "arrays_of_any_shape", {Dtype::kInt32, Dtype::kInt64, Dtype::kFloat32, Dtype::kFloat64, Dtype::kFloat16},
      arrays_of_any_shape);
  checks.push_back({"messages_around_the_ring", messages_around_the_ring});
  checks.push_back({"bytes_of_any_length", bytes_of_any_length});
  checks.push_back({"messages_asked_for_behind_collectives", messages_asked_for_behind_collectives});
  checks.push_back({"any_message_is_the_programs", any_message_is_the_programs});
  return checks;
}

}  // namespace rensa::testing
