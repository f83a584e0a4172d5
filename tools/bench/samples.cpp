#include "tools/bench/samples.h"

#include <algorithm>
#include <fstream>
#include <string>

#include "core/error.h"

namespace rensa::tools {

double Samples::median() const {
  std::vector<double> sorted = values;
  std::sort(sorted.begin(), sorted.end());
  const std::size_t half = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

double Samples::smallest() const { return *std::min_element(values.begin(), values.end()); }
double Samples::largest() const { return *std::max_element(values.begin(), values.end()); }

Samples Samples::times(double factor) const {
  Samples result = *this;
  for (double& value : result.values) value *= factor;
  return result;
}

std::size_t peak_rss_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6)) * 1024;  // Linux counts in KiB
  }
  throw FileError("/proc/self/status: has no VmHWM, the peak of the resident memory.");
}

void reset_peak_rss() { std::ofstream("/proc/self/clear_refs") << "5"; }

}  // namespace rensa::tools
