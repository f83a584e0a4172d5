#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <vector>

#include "core/error.h"
#include "tests/conformance/conformance.h"

namespace rensa::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr std::chrono::seconds kLong(60);

void expect_each(const Array& x, double value) {
  const std::vector<float> found = to_vector<float>(x), expected(found.size(), static_cast<float>(value));
  EXPECT_TRUE(found == expected) << "expected " << value << " everywhere";
}

/// Every rank asks first, for a message of any length: nothing fits a buffer at the end.
void each_rank_of_a_ring_receives_first(Communicator& comm, Dtype dtype) {
  const int rank = comm.rank(), size = comm.size();
  if (size == 1) return;
  const int next = (rank + 1) % size, before = (rank + size - 1) % size;
  for (const std::int64_t count : {0, 1, 1000, 300000}) {
    const Array got = zeros({count}, dtype);
    const Work received = comm.start_recv(got, before, 2), sent = comm.start_send(full({count}, rank, dtype), next, 2);
    received.wait();
    sent.wait();
    EXPECT_TRUE(received.test() && sent.test());
    expect_each(got, before);
  }
}

/// Started or not, on either side.
void messages_keep_their_order(Communicator& comm) {
  const int rank = comm.rank(), size = comm.size();
  if (size == 1) return;
  const int next = (rank + 1) % size, before = (rank + size - 1) % size;
  constexpr int kMessages = 6;
  const auto of_length = [](int i) { return i % 2 == 0 ? std::int64_t{10} : std::int64_t{200000}; };
  std::vector<Array> got;
  std::vector<Work> works;
  for (int i = 0; i < kMessages - 1; ++i) {
    got.push_back(zeros({of_length(i)}));
    works.push_back(comm.start_recv(got.back(), before));
  }
  for (int i = 0; i < kMessages; ++i) works.push_back(comm.start_send(full({of_length(i)}, i), next));
  comm.send(full({10}, kMessages), next);
  got.push_back(zeros({of_length(kMessages - 1)}));
  comm.recv(got.back(), before);  // its turn comes behind those that were started
  for (int i = 0; i < kMessages - 1; ++i) EXPECT_TRUE(works[static_cast<std::size_t>(i)].wait_for(kLong));
  for (int i = 0; i < kMessages; ++i) expect_each(got[static_cast<std::size_t>(i)], i);
  const Array last = zeros({10});
  comm.recv(last, before);
  expect_each(last, kMessages);
  for (const Work& work : works) work.wait();
}

/// A message with the second tag comes while the first is still asked for; one with any tag has its turn.
void tags_choose_their_messages(Communicator& comm) {
  const int rank = comm.rank();
  if (comm.size() == 1) return;
  constexpr std::int64_t kCount = 100000;
  if (rank == 0) {
    const Array five = zeros({kCount}), seven = zeros({kCount}), any = zeros({kCount});
    const Work of_five = comm.start_recv(five, 1, 5), of_seven = comm.start_recv(seven, 1, 7),
               of_any = comm.start_recv(any, 1, kAnyTag);
    EXPECT_TRUE(of_seven.wait_for(kLong));
    expect_each(seven, 7);
    EXPECT_FALSE(of_five.test());
    EXPECT_FALSE(of_any.test());
    comm.send_bytes("go on", 1);
    of_five.wait();
    of_any.wait();
    expect_each(five, 5);
    expect_each(any, 6);
  } else if (rank == 1) {
    const Array seven = full({kCount}, 7), five = full({kCount}, 5), six = full({kCount}, 6);
    comm.start_send(seven, 0, 7).wait();
    EXPECT_EQ(comm.recv_bytes(0).bytes, "go on");
    const Work first = comm.start_send(five, 0, 5), second = comm.start_send(six, 0, 6);
    first.wait();
    second.wait();
  }
  comm.barrier();
}

/// A receive of anything takes what nobody has asked for yet, though a started one still waits.
void any_message_passes_a_started_receive_by(Communicator& comm) {
  const int rank = comm.rank(), last = comm.size() - 1;
  if (comm.size() == 1) return;
  const Array x = zeros({100000}), early = zeros({3});
  if (rank == 0) {
    const Work work = comm.start_recv(x, last, 4), second = comm.start_recv(early, last, 4);
    const Message message = comm.recv_bytes();
    EXPECT_EQ(message.bytes, "ready");
    EXPECT_EQ(message.tag, 3);
    comm.send_bytes("go on", last);
    EXPECT_EQ(comm.recv_bytes(last).bytes, "behind them");
    work.wait();
    second.wait();
    expect_each(x, 1);
    expect_each(early, 2);
  } else if (rank == last) {
    comm.send_bytes("ready", 0, 3);
    EXPECT_EQ(comm.recv_bytes(0).bytes, "go on");
    const Work work = comm.start_send(full({100000}, 1), 0, 4);
    comm.send(full({3}, 2), 0, 4);
    comm.send_bytes("behind them", 0, 4);
    work.wait();
  }
  comm.barrier();
}

/// A long send needs the receiver's help; it has it while both do other things.
void collectives_go_on_beside_messages(Communicator& comm) {
  const int rank = comm.rank(), size = comm.size();
  if (size == 1) return;
  const int next = (rank + 1) % size, before = (rank + size - 1) % size;
  const Array mine = full({300000}, rank), got = zeros({300000});
  const Work received = comm.start_recv(got, before), sent = comm.start_send(mine, next);
  for (int i = 0; i < 3; ++i) {
    const Array x = full({1000}, rank + 1);
    comm.all_reduce(x);
    expect_each(x, size * (size + 1) / 2);
  }
  comm.barrier();
  EXPECT_TRUE(received.wait_for(kLong));
  EXPECT_TRUE(sent.wait_for(kLong));
  expect_each(got, before);
  // a rank that only receives is met by one that has gone on to a collective
  if (rank == 1) comm.start_send(mine, 0, 1);
  if (rank == 0) {
    comm.recv(got, 1, 1);
    expect_each(got, 1);
  }
  comm.barrier();
}

/// What lies between the elements may be written meanwhile, as may an array with gaps that was sent.
void started_messages_with_gaps(Communicator& comm) {
  const int rank = comm.rank(), size = comm.size();
  if (size == 1) return;
  const int next = (rank + 1) % size, before = (rank + size - 1) % size;
  for (const std::int64_t rows : {4, 100000}) {
    const Array whole = full({6, rows}, -1), other = full({6, rows}, rank);
    const Array to = whole.slice(1, {.step = 2}).transpose(),
                from = other.slice(1, {.start = 1, .step = 2}).transpose(),
                between = whole.slice(1, {.start = 1, .step = 2});
    const Work received = comm.start_recv(to, before), sent = comm.start_send(from, next);
    other.fill(-9);
    between.fill(-2);
    received.wait();
    sent.wait();
    expect_each(to, before);
    expect_each(between, -2);
  }
}

void started_messages_of_truth_values(Communicator& comm) {
  if (comm.size() == 1) return;
  const Array x = full({5}, comm.rank() == 0 ? 1 : 0, Dtype::kBool);
  if (comm.rank() == 0) comm.start_send(x, 1).wait();
  if (comm.rank() == 1) {
    comm.start_recv(x, 0).wait();
    expect_each(x, 1);
  }
}

/// The refused message is gone, and the next one comes as it was sent.
void a_started_receive_refuses_another_dtype(Communicator& comm) {
  if (comm.size() == 1) return;
  if (comm.rank() == 0) {
    for (const std::int64_t count : {10, 300000, 7}) comm.start_send(full({count}, 1.5), 1).wait();
    comm.send_bytes("bytes", 1);
    comm.send(full({7}, 2.5), 1);
  } else if (comm.rank() == 1) {
    const auto expect_refused = [&](const Array& other, const char* sent, const char* expected) {
      const Work work = comm.start_recv(other, 0);
      EXPECT_THAT([&] { work.wait(); },
                  ThrowsMessage<CommError>(AllOf(HasSubstr(detail::join("rank 0 sent ", sent, " with tag 0")),
                                                 HasSubstr(detail::join("expected ", expected)))));
    };
    expect_refused(zeros({10}, Dtype::kInt32), "10 float32", "10 int32");
    expect_refused(zeros({300000}, Dtype::kFloat16), "300000 float32", "300000 float16");
    const Array x = zeros({7});
    comm.start_recv(x, 0).wait();
    expect_each(x, 1.5);
    expect_refused(zeros({5}, Dtype::kUInt8), "5 bytes (of send_bytes or send_object)", "5 uint8");
    comm.start_recv(x, 0).wait();
    expect_each(x, 2.5);
  }
  comm.barrier();
}

/// No other rank has to come, and a receive that nobody sends to is given up with its communicator.
void a_receive_waits_for_its_message_only(Communicator& comm) {
  if (comm.size() == 1) return;
  auto part = comm.split(0, comm.rank());
  Work never, late;
  const Array x = zeros({3}), y = zeros({3});
  if (comm.rank() == 0) {
    late = part->start_recv(x, 1, 4);
    never = part->start_recv(y, 1, 9);
    EXPECT_FALSE(late.wait_for(std::chrono::milliseconds(20)));
    comm.send_bytes("now", 1);
    late.wait();
    expect_each(x, 3);
    EXPECT_FALSE(never.test());
  } else if (comm.rank() == 1) {
    EXPECT_EQ(comm.recv_bytes(0).bytes, "now");
    part->start_send(full({3}, 3), 0, 4);  // nobody keeps its Work
  }
  comm.barrier();
  part.reset();
  if (comm.rank() != 0) return;
  EXPECT_THAT([&] { never.wait(); }, ThrowsMessage<CommError>(HasSubstr("start_recv from rank 1 with tag 9")));
}

void started_messages_are_checked(Communicator& comm) {
  EXPECT_THROW(comm.start_send(zeros({2}), comm.rank()), ValueError);
  EXPECT_THROW(comm.start_recv(zeros({2}), comm.size()), ValueError);
  EXPECT_THROW(comm.start_send(Array(), comm.rank()), ValueError);
  if (comm.size() == 1) return;
  const int other = (comm.rank() + 1) % comm.size();
  EXPECT_THROW(comm.start_send(zeros({2}), other, -1), ValueError);
  EXPECT_THROW(comm.start_recv(zeros({2}), other, -3), ValueError);
}

}  // namespace

std::vector<ConformanceCheck> started_message_checks() {
  std::vector<ConformanceCheck> checks =
      for_each_dtype("each_rank_of_a_ring_receives_first", {Dtype::kInt32, Dtype::kFloat32, Dtype::kFloat16},
                     each_rank_of_a_ring_receives_first);
  checks.push_back({"messages_keep_their_order", messages_keep_their_order});
  checks.push_back({"tags_choose_their_messages", tags_choose_their_messages});
  checks.push_back({"any_message_passes_a_started_receive_by", any_message_passes_a_started_receive_by});
  checks.push_back({"collectives_go_on_beside_messages", collectives_go_on_beside_messages});
  checks.push_back({"started_messages_with_gaps", started_messages_with_gaps});
  checks.push_back({"started_messages_of_truth_values", started_messages_of_truth_values});
  checks.push_back({"a_started_receive_refuses_another_dtype", a_started_receive_refuses_another_dtype});
  checks.push_back({"a_receive_waits_for_its_message_only", a_receive_waits_for_its_message_only});
  checks.push_back({"started_messages_are_checked", started_messages_are_checked});
  for (ConformanceCheck& check : checks) check.for_gpus = false;
  return checks;
}

}  // namespace rensa::testing
