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
};

/// Seconds that fn() takes.
template <class Fn>
double seconds_of(const Fn& fn) {
  const auto start = std::chrono::steady_clock::now();
  fn();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The largest resident memory of this process so far.
std::size_t peak_rss_bytes();

}  // namespace rensa::tools
