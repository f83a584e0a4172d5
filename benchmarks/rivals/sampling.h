#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

/// How the programs that are compared with `rensa bench comm` take their times: the same sizes, the same calls in one
/// iteration, the same ends, and one line of JSON for each size. They share no code with Rensa.
namespace rivals {

struct Sampling {
  std::int64_t min_bytes = 4, max_bytes = 64 << 20;
  double step_factor = 4, max_seconds = 0;  ///< a size's warm-up, and its iterations, end after so long; 0: never
  int iterations = 20, warmup = 5;

  std::vector<std::int64_t> sizes() const {
    std::vector<std::int64_t> all;
    for (std::int64_t size = min_bytes; size <= max_bytes;) {
      all.push_back(size);
      size = std::max(size + 1, static_cast<std::int64_t>(static_cast<double>(size) * step_factor));
    }
    return all;
  }

  /// Calls measure(calls), which returns seconds that all ranks agree on, and returns microseconds of one call.
  /// `spent`: the seconds of a call before, whose result was checked; it counts as warm-up.
  template <class Fn>
  std::vector<double> times_us(std::int64_t bytes, const Fn& measure, double spent) const {
    const int calls = static_cast<int>(std::clamp<std::int64_t>((256 << 10) / bytes, 1, 20));
    const auto repeat = [&](int count) {
      std::vector<double> us;
      for (int i = 0; i < count && (max_seconds == 0 || spent < max_seconds); ++i) {
        const double seconds = measure(calls);
        spent += seconds;
        us.push_back(seconds / calls * 1e6);
      }
      return us;
    };
    repeat(warmup);
    spent = 0;
    return repeat(iterations);
  }
};

/// Reads `--key value`; `other(key, value)` gets the keys that are not of Sampling and returns false for unknown ones.
template <class Fn>
Sampling read_arguments(int argc, char** argv, const Fn& other) {
  Sampling s;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string key = argv[i], value = argv[i + 1];
    if (key == "--min_bytes")
      s.min_bytes = std::stoll(value);
    else if (key == "--max_bytes")
      s.max_bytes = std::stoll(value);
    else if (key == "--step_factor")
      s.step_factor = std::stod(value);
    else if (key == "--max_seconds")
      s.max_seconds = std::stod(value);
    else if (key == "--iterations")
      s.iterations = std::stoi(value);
    else if (key == "--warmup")
      s.warmup = std::stoi(value);
    else if (!other(key, value))
      throw std::runtime_error("unknown key " + key);
  }
  if (argc % 2 == 0) throw std::runtime_error(std::string(argv[argc - 1]) + " needs a value");
  return s;
}

inline void print_line(const char* program, int ranks, std::int64_t bytes, const std::vector<double>& us,
                       std::int64_t wrong) {
  std::printf("{\"program\":\"%s\",\"ranks\":%d,\"size\":%lld,\"wrong\":%lld,\"times_us\":[", program, ranks,
              static_cast<long long>(bytes), static_cast<long long>(wrong));
  for (std::size_t i = 0; i < us.size(); ++i) std::printf("%s%.4f", i == 0 ? "" : ",", us[i]);
  std::printf("]}\n");
  std::fflush(stdout);
}

}  // namespace rivals
