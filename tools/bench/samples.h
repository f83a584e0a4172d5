#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

namespace rensa::tools {

/// Repeated measurements of one thing.
struct Samples {
  std::vector<double> values;
  double median() const;
  double smallest() const;
  double largest() const;
  Samples times(double factor) const;  ///< in another unit
};

/// Seconds that fn() takes.
template <class Fn>
double seconds_of(const Fn& fn) {
  const auto start = std::chrono::steady_clock::now();
  fn();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Calls fn() `warmup` times, then `repeats` times with a stopwatch; in seconds.
template <class Fn>
Samples measure(int warmup, int repeats, const Fn& fn) {
  Samples seconds;
  for (int i = -warmup; i < repeats; ++i) {
    const double taken = seconds_of(fn);
    if (i >= 0) seconds.values.push_back(taken);
  }
  return seconds;
}

/// The largest resident memory of this process since it started, or since reset_peak_rss().
std::size_t peak_rss_bytes();
/// Where the system does not allow it, nothing happens, and the peak stays that of the whole process.
void reset_peak_rss();

}  // namespace rensa::tools
