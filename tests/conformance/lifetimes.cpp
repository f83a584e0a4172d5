#include "tests/conformance/lifetimes.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <limits>

#include "tests/support/resident_memory.h"

namespace rensa::testing {
namespace {

struct Holdings {
  std::int64_t descriptors = 0, threads = 0;
  std::int64_t used_kib = 0;      ///< of malloc's memory, and that of caching allocators
  std::int64_t resident_kib = 0;  ///< the process, after malloc has given back what it can
};

std::int64_t entries_of(const char* folder) {
  return std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator());
}

Holdings holdings_of_this_process() {
  malloc_trim(0);
  const struct mallinfo2 memory = mallinfo2();
  return {.descriptors = entries_of("/proc/self/fd"),
          .threads = entries_of("/proc/self/task"),
          .used_kib = static_cast<std::int64_t>((memory.uordblks + memory.hblkhd) / 1024),
          .resident_kib = resident_kib()};
}

/// The cycles are looked at in so many parts. A leak grows in each; a pool that needs one block more, because two ranks
/// happened to ask at once, grows in one.
constexpr int kParts = 3;
/// However many cycles there are, malloc's memory may still vary a little, and its pages be less well filled.
constexpr std::int64_t kVaries_kib = 64, kPagesGrow_kib = 8192;
/// The smallest leak that counts, for each cycle.
constexpr double kLeak_kib = 0.25;

/// Sanitizers hold freed memory back, to catch who uses it still; the address sanitizer reports leaks itself.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMemoryTells = false;
#else
constexpr bool kMemoryTells = true;
#endif

}  // namespace

void use_everything(Communicator& comm) {
  for (const std::int64_t count : {100, 200000}) {
    const Array x = full({count}, comm.rank());
    comm.all_reduce(x);
    comm.broadcast(x, 0);
  }
  const Array shared = comm.allocate_shared(50000, Dtype::kFloat32);
  comm.all_reduce(shared);
  comm.start([shared](Communicator& c) { c.all_reduce(shared); }).wait();
  comm.all_gather_bytes(std::string(1000, 'x'));
  if (comm.size() > 1) {
    const int next = (comm.rank() + 1) % comm.size(), before = (comm.rank() + comm.size() - 1) % comm.size();
    const Array x = full({50000}, comm.rank()), got = zeros({50000});
    const Work received = comm.start_recv(got, before), sent = comm.start_send(x, next);
    comm.start_recv(zeros({1}), before, 1);  // given up in the end
    received.wait();
    sent.wait();
  }
  const auto half = comm.split(comm.rank() % 2, comm.rank());
  half->barrier();
  comm.split_by_node()->barrier();
}

void expect_nothing_is_left(Communicator& job, bool looks, int cycles, const std::function<void()>& cycle) {
  const auto look = [&] {
    job.barrier();  // nobody is in a cycle
    const Holdings found = looks ? holdings_of_this_process() : Holdings();
    job.barrier();
    return found;
  };
  for (int i = 0; i < std::max(20, cycles / 10); ++i) cycle();
  const Holdings before = look();
  Holdings after = before;
  std::int64_t least_growth_kib = std::numeric_limits<std::int64_t>::max();
  for (int part = 0; part < kParts; ++part) {
    const Holdings start = after;
    for (int i = cycles * part / kParts; i < cycles * (part + 1) / kParts; ++i) cycle();
    after = look();
    least_growth_kib = std::min(least_growth_kib, after.used_kib - start.used_kib);
  }
  if (!looks) return;
  const std::int64_t used_kib = after.used_kib - before.used_kib,
                     resident_kib = after.resident_kib - before.resident_kib;
  const auto leaks_kib = static_cast<std::int64_t>(kLeak_kib * cycles);
  EXPECT_EQ(after.descriptors, before.descriptors);
  EXPECT_EQ(after.threads, before.threads);
  if (kMemoryTells) {
    EXPECT_LE(least_growth_kib, kVaries_kib + leaks_kib / kParts) << "in each of " << kParts << " parts of the cycles";
    EXPECT_LE(resident_kib, kPagesGrow_kib + leaks_kib);
  }
  if (job.rank() != 0) return;
  std::printf("%d cycles: %d descriptors and %d threads as before; memory in use %+d KiB, resident %+d KiB\n", cycles,
              static_cast<int>(after.descriptors), static_cast<int>(after.threads), static_cast<int>(used_kib),
              static_cast<int>(resident_kib));
  std::fflush(stdout);  // a run that is ended has said what it had
}

}  // namespace rensa::testing
