#pragma once

#include <omp.h>

#include <hwy/cache_control.h>

#include <algorithm>
#include <cstdint>

namespace rensa::cpu {

/// Below this many bytes (or simple operations) a loop is not worth waking the other threads for.
inline constexpr std::int64_t kParallelGrain = 64 * 1024;

/// Calls body(begin, end) for parts that together cover [0, count), on the threads of the rank's one pool. Parts are
/// contiguous and depend on the count and the number of threads only. `cost` is the work of one item, in bytes moved
/// or simple operations. The body must not throw. What it stores past the caches (destination.h) is seen by others
/// afterwards.
template <class Body>
void for_each_block(std::int64_t count, Body&& body, std::int64_t cost = 1) {
  const std::int64_t most = std::max<std::int64_t>(1, count * cost / kParallelGrain);
  const int threads = static_cast<int>(std::min<std::int64_t>({omp_get_max_threads(), most, count}));
  if (threads <= 1 || omp_in_parallel()) {
    if (count > 0) body(std::int64_t{0}, count);
    if (most > 1) hwy::FlushStream();  // smaller loops store nothing past the caches
    return;
  }
#pragma omp parallel num_threads(threads)
  {
    const std::int64_t part = omp_get_thread_num(), parts = omp_get_num_threads();
    // Borders on multiples of 64 items keep two threads from writing one cache line, where there are that many.
    const std::int64_t unit = count >= 64 * parts ? 64 : 1;
    const auto border = [&](std::int64_t p) { return p == parts ? count : count / unit * p / parts * unit; };
    body(border(part), border(part + 1));
    hwy::FlushStream();
  }
}

}  // namespace rensa::cpu
