#include "comm/compute_threads.h"

#include <omp.h>
#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace rensa {
namespace {

/// The affinity mask as text, so that ranks with equal masks on one node find each other.
std::string core_mask() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  std::string text;
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return text;
  for (int core = 0; core < CPU_SETSIZE; ++core) text += CPU_ISSET(core, &mask) ? '1' : '0';
  return text;
}

}  // namespace

int cores_of_rank(Communicator& comm) {
  const std::string mask = core_mask();
  const std::vector<std::string> masks = comm.all_gather_bytes(std::to_string(comm.inter_rank()) + ":" + mask);
  const auto sharing = std::count(masks.begin(), masks.end(), masks[static_cast<std::size_t>(comm.rank())]);
  const auto cores = std::count(mask.begin(), mask.end(), '1');
  return static_cast<int>(std::max<std::ptrdiff_t>(1, cores / std::max<std::ptrdiff_t>(1, sharing)));
}

int set_compute_threads(Communicator& comm, int wanted) {
  if (wanted < 0) throw ValueError("compute threads: ", wanted, ", expected 0 (choose) or more.");
  const int cores = cores_of_rank(comm);
  int threads = wanted;
  if (threads == 0) {
    const char* given = std::getenv("OMP_NUM_THREADS");
    threads = given ? std::atoi(given) : 0;
  }
  if (threads <= 0) threads = cores;
  omp_set_num_threads(threads);
  return threads;
}

}  // namespace rensa
