#include "trainer/stragglers/link_probe.h"

#include <algorithm>
#include <chrono>
#include <limits>

namespace rensa::stragglers {

std::vector<LinkTime> probe_links(Communicator& comm, std::int64_t bytes, int rounds) {
  using Clock = std::chrono::steady_clock;
  const int size = comm.size(), pairs = size == 2 ? 1 : size == 1 ? 0 : size;  // two ranks share one link
  const Array message = zeros({bytes}, Dtype::kUInt8), mine = zeros({1}, Dtype::kFloat64);
  for (int from = 0; from < pairs; ++from) {
    const int to = (from + 1) % size;
    comm.barrier();
    double quickest = std::numeric_limits<double>::infinity();
    for (int round = 0; round < rounds; ++round) {
      const auto start = Clock::now();
      if (comm.rank() == from) {
        comm.send(message, to, kLibraryTag);
        comm.recv(message, to, kLibraryTag);
        quickest = std::min(quickest, std::chrono::duration<double>(Clock::now() - start).count());
      } else if (comm.rank() == to) {
        comm.recv(message, from, kLibraryTag);
        comm.send(message, from, kLibraryTag);
      }
    }
    if (comm.rank() == from) mine.data<double>()[0] = quickest;
  }
  const Array all = zeros({size}, Dtype::kFloat64);
  comm.all_gather(mine, all);
  std::vector<LinkTime> links;
  for (int from = 0; from < pairs; ++from) {
    links.push_back({from, (from + 1) % size, all.data<double>()[from], static_cast<double>(bytes)});
  }
  return links;
}

}  // namespace rensa::stragglers
