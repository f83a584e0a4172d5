#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "comm/array_messages.h"
#include "comm/objects.h"
#include "core/error.h"
#include "tests/conformance/conformance.h"

namespace rensa::testing {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

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

/// As in ChainerMN.
void the_root_is_rank_0_unless_another_is_named(Communicator& comm) {
  const int rank = comm.rank(), size = comm.size();
  const Array mine = full({3}, rank), all = rank == 0 ? zeros({size, 3}) : Array(), part = full({3}, -1),
              sum = ones({3});
  comm.gather(mine, all);
  if (rank == 0) {
    EXPECT_EQ(all.select(0, size - 1).select(0, 0).item<int>(), size - 1);
  }
  comm.scatter(all, part);
  EXPECT_THAT(to_vector<float>(part), Each(static_cast<float>(rank)));
  comm.broadcast(part);
  EXPECT_THAT(to_vector<float>(part), Each(0.0f));
  comm.reduce(sum);
  if (rank == 0) {
    EXPECT_THAT(to_vector<float>(sum), Each(static_cast<float>(size)));
  }
  EXPECT_THAT(to_vector<float>(broadcast_array(comm, mine)), Each(0.0f));
  const std::vector<Array> gathered = gather_arrays(comm, mine);
  EXPECT_EQ(gathered.size(), rank == 0 ? static_cast<std::size_t>(size) : 0u);
  EXPECT_THAT(to_vector<float>(scatter_arrays(comm, gathered)), Each(static_cast<float>(rank)));
  EXPECT_EQ(broadcast_object(comm, rank), 0);
  EXPECT_EQ(gather_objects(comm, rank).size(), gathered.size());
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

/// Of as many bytes, too. The next message comes as it was sent.
void a_message_of_another_dtype_is_refused(Communicator& comm) {
  if (comm.size() == 1) return;
  if (comm.rank() == 0) {
    for (const std::int64_t count : {10, 10, 300000, 7}) comm.send(full({count}, 1.5), 1);
  } else if (comm.rank() == 1) {
    const auto expect_refused = [&](const Array& other, const char* sent, const char* expected) {
      EXPECT_THAT([&] { comm.recv(other, 0); },
                  ThrowsMessage<CommError>(AllOf(HasSubstr(detail::join("rank 0 sent ", sent, " with tag 0")),
                                                 HasSubstr(detail::join("expected ", expected)))));
    };
    expect_refused(zeros({10}, Dtype::kInt32), "10 float32", "10 int32");
    expect_refused(zeros({5}, Dtype::kFloat64), "10 float32", "5 float64");
    expect_refused(zeros({300000}, Dtype::kFloat16), "300000 float32", "300000 float16");
    const Array x = zeros({7});
    comm.recv(x, 0);
    EXPECT_THAT(to_vector<float>(x), Each(1.5f));
  }
  comm.barrier();
}

}  // namespace

std::vector<ConformanceCheck> message_checks() {
  std::vector<ConformanceCheck> checks = for_each_dtype(
      "arrays_of_any_shape", {Dtype::kInt32, Dtype::kInt64, Dtype::kFloat32, Dtype::kFloat64, Dtype::kFloat16},
      arrays_of_any_shape);
  checks.push_back({"the_root_is_rank_0_unless_another_is_named", the_root_is_rank_0_unless_another_is_named});
  checks.push_back({"messages_around_the_ring", messages_around_the_ring});
  checks.push_back({"bytes_of_any_length", bytes_of_any_length});
  checks.push_back({"messages_asked_for_behind_collectives", messages_asked_for_behind_collectives});
  checks.push_back({"any_message_is_the_programs", any_message_is_the_programs});
  checks.push_back({"a_message_of_another_dtype_is_refused", a_message_of_another_dtype_is_refused});
  return checks;
}

}  // namespace rensa::testing
