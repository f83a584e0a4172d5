// Times functions of the library, forward and backward, at several sizes.
//   functions [--only NAME] [--elements N] [--samples 5]
// One JSON object a line: case, elements, us (median over the samples of the time of a call), bytes, and at last the
// bandwidth of a copy. With --peak, peak_bytes instead of us: what one call of --only NAME needs above its inputs.
// benchmarks/compare_functions.py runs it beside PyTorch.
#include <algorithm>
#include <cstring>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "benchmarks/floor/stopwatch.h"
#include "benchmarks/functions/cases.h"
#include "core/kernels/cpu/parallel.h"

namespace rensa::benchmarks {
namespace {

struct Options {
  std::string only;
  std::int64_t elements = 0;  ///< 0: 10^3, 10^5, 10^7
  int samples = 5;
  bool peak = false;
};

/// The median of the samples, each of as many calls as take 10 ms.
double median_seconds(const std::function<void()>& run, int samples) {
  run();
  std::int64_t calls = 1;
  double taken = floor::seconds_of(run, calls);
  while (taken < 0.01) {
    calls = std::max(2 * calls, static_cast<std::int64_t>(0.012 / taken * static_cast<double>(calls)));
    taken = floor::seconds_of(run, calls);
  }
  std::vector<double> times;
  for (int i = 0; i < samples; ++i) times.push_back(floor::seconds_of(run, calls) / static_cast<double>(calls));
  return floor::median(times);
}

std::size_t status_bytes(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::size_t kib = 0;
    if (word == key + ":" && status >> kib) return kib * 1024;
  }
  throw std::runtime_error("/proc/self/status has no " + key);
}

std::size_t peak_bytes(const std::function<void()>& run) {
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak starts again from the present size
  const std::size_t before = status_bytes("VmRSS");
  run();
  const std::size_t peak = status_bytes("VmHWM");
  return peak > before ? peak - before : 0;
}

double copy_bandwidth() {
  constexpr std::int64_t kBytes = 256 << 20;
  std::vector<char> from(kBytes, 1), to(kBytes);
  const double seconds = median_seconds(
      [&] {
        cpu::for_each_block(kBytes, [&](std::int64_t begin, std::int64_t end) {
          std::memcpy(to.data() + begin, from.data() + begin, static_cast<std::size_t>(end - begin));
        });
      },
      5);
  return 2.0 * kBytes / seconds;
}

int run(const Options& o) {
  std::vector<std::int64_t> sizes = {1000, 100000, 10000000};
  if (o.elements != 0) sizes = {o.elements};
  const auto report = [&](std::vector<Case> cases) {
    for (const Case& c : cases) {
      if (!o.only.empty() && o.only != c.name) continue;
      nlohmann::json line = {{"case", c.name}, {"elements", c.elements}, {"bytes", c.bytes}};
      if (o.peak) {
        line["peak_bytes"] = peak_bytes(c.run);
      } else {
        line["us"] = median_seconds(c.run, o.samples) * 1e6;
      }
      std::cout << line << std::endl;
    }
  };
  for (const std::int64_t size : sizes) report(function_cases(size));
  if (o.elements == 0) report(whole_cases());
  if (o.only.empty()) std::cout << nlohmann::json{{"copy_bytes_per_s", copy_bandwidth()}} << std::endl;
  return 0;
}

Options parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string key = argv[i];
    if (key == "--peak") {
      o.peak = true;
      continue;
    }
    if (++i == argc) throw std::invalid_argument(key + " needs a value");
    if (key == "--only") {
      o.only = argv[i];
    } else if (key == "--elements") {
      o.elements = std::stoll(argv[i]);
    } else if (key == "--samples") {
      o.samples = std::max(1, std::stoi(argv[i]));
    } else {
      throw std::invalid_argument("unknown option " + key + ": --only NAME, --elements N, --samples N, --peak");
    }
  }
  return o;
}

}  // namespace
}  // namespace rensa::benchmarks

int main(int argc, char** argv) try {
  return rensa::benchmarks::run(rensa::benchmarks::parse(argc, argv));
} catch (const std::exception& error) {
  std::cerr << "functions: " << error.what() << '\n';
  return 1;
}
