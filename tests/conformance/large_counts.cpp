#include "tests/conformance/large_counts.h"

#include <gtest/gtest.h>

#include <cereal/types/string.hpp>
#include <fstream>
#include <limits>

#include "comm/objects.h"

namespace rensa::testing {
namespace {

constexpr std::int64_t kMany = (std::int64_t{1} << 31) + 4097;
constexpr std::int64_t kNeeded_kib = std::int64_t{16} << 20;

/// What belongs at a place: no two stretches of a length that pieces may have are alike.
std::uint8_t pattern(std::int64_t place, int rank) {
  constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15;
  constexpr int kTopByte = 56;
  return static_cast<std::uint8_t>((static_cast<std::uint64_t>(place) * kGolden >> kTopByte) +
                                   static_cast<std::uint64_t>(rank));
}

void write_pattern(std::uint8_t* bytes, std::int64_t count, int rank) {
  for (std::int64_t i = 0; i < count; ++i) bytes[i] = pattern(i, rank);
}

/// The first place that does not hold its pattern, or -1.
std::int64_t first_difference(const std::uint8_t* bytes, std::int64_t count, int rank) {
  for (std::int64_t i = 0; i < count; ++i) {
    if (bytes[i] != pattern(i, rank)) return i;
  }
  return -1;
}

Array filled(std::int64_t count, int rank) {
  Array x = empty({count}, Dtype::kUInt8);
  write_pattern(x.data<std::uint8_t>(), count, rank);
  return x;
}

void broadcast(Communicator& comm) {
  const int root = comm.size() - 1;
  const Array x = comm.rank() == root ? filled(kMany, root) : zeros({kMany}, Dtype::kUInt8);
  comm.broadcast(x, root);
  EXPECT_EQ(first_difference(x.data<std::uint8_t>(), kMany, root), -1);
}

void send_and_recv(Communicator& comm) {
  const int last = comm.size() - 1;
  if (comm.rank() == 0) comm.send(filled(kMany, 0), last, 3);
  if (comm.rank() == last) {
    const Array x = zeros({kMany}, Dtype::kUInt8);
    comm.recv(x, 0, 3);
    EXPECT_EQ(first_difference(x.data<std::uint8_t>(), kMany, 0), -1);
  }
  comm.barrier();
}

void all_gather(Communicator& comm) {
  const std::int64_t part = kMany / comm.size() + 1;
  const Array all = zeros({comm.size(), part}, Dtype::kUInt8);
  ASSERT_GT(all.size(), std::numeric_limits<std::int32_t>::max());
  comm.all_gather(filled(part, comm.rank()), all);
  for (int r = 0; r < comm.size(); ++r) {
    EXPECT_EQ(first_difference(all.select(0, r).data<std::uint8_t>(), part, r), -1) << "of rank " << r;
  }
}

void all_reduce(Communicator& comm) {
  const Array x = filled(kMany, comm.rank());
  comm.all_reduce(x, Reduce::kMax);
  const std::uint8_t* const found = x.data<std::uint8_t>();
  std::int64_t difference = -1;
  for (std::int64_t i = 0; i < kMany && difference < 0; ++i) {
    std::uint8_t expected = pattern(i, 0);
    for (int r = 1; r < comm.size(); ++r) expected = std::max(expected, pattern(i, r));
    if (found[i] != expected) difference = i;
  }
  EXPECT_EQ(difference, -1);
}

std::string filled_text(int rank) {
  std::string text(static_cast<std::size_t>(kMany), 0);
  write_pattern(reinterpret_cast<std::uint8_t*>(text.data()), kMany, rank);
  return text;
}

void expect_text(const std::string& text, int rank) {
  ASSERT_EQ(text.size(), static_cast<std::size_t>(kMany));
  EXPECT_EQ(first_difference(reinterpret_cast<const std::uint8_t*>(text.data()), kMany, rank), -1);
}

void broadcast_an_object(Communicator& comm) {
  const int root = comm.size() - 1;
  expect_text(broadcast_object(comm, comm.rank() == root ? filled_text(root) : std::string(), root), root);
}

void send_an_object(Communicator& comm) {
  const int last = comm.size() - 1;
  if (comm.rank() == 0) send_object(comm, filled_text(0), last, 4);
  if (comm.rank() == last) expect_text(recv_object<std::string>(comm, 0, 4).object, 0);
  comm.barrier();
}

}  // namespace

const std::vector<ConformanceCheck>& large_count_checks() {
  static const std::vector<ConformanceCheck> all = {{"broadcast", broadcast},
                                                    {"send_and_recv", send_and_recv},
                                                    {"all_gather", all_gather},
                                                    {"all_reduce", all_reduce},
                                                    {"broadcast_an_object", broadcast_an_object},
                                                    {"send_an_object", send_an_object}};
  return all;
}

bool has_memory_for_large_counts(Communicator& comm) {
  std::ifstream file("/proc/meminfo");
  std::int64_t available_kib = 0;
  for (std::string key, rest; file >> key && std::getline(file, rest);) {
    if (key == "MemAvailable:") available_kib = std::stoll(rest);
  }
  const Array least = full({1}, static_cast<double>(available_kib), Dtype::kInt64);
  comm.all_reduce(least, Reduce::kMin);
  return least.item<std::int64_t>() >= kNeeded_kib;
}

}  // namespace rensa::testing
