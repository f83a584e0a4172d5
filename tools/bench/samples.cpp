#include "tools/bench/samples.h"

#include <sys/resource.h>

#include <algorithm>

namespace rensa::tools {

double Samples::median() const {
  std::vector<double> sorted = values;
  std::sort(sorted.begin(), sorted.end());
  const std::size_t half = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

double Samples::smallest() const { return *std::min_element(values.begin(), values.end()); }
double Samples::largest() const { return *std::max_element(values.begin(), values.end()); }

std::size_t peak_rss_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss) * 1024;  // Linux counts in KiB
}

}  // namespace rensa::tools
