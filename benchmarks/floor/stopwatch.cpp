#include "benchmarks/floor/stopwatch.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

namespace rensa::floor {

double median_ms(const std::function<void()>& call) {
  using Clock = std::chrono::steady_clock;
  call();
  std::vector<double> times;
  for (double total = 0; times.size() < 5 || total < 60;) {
    const auto start = Clock::now();
    call();
    times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    total += times.back();
  }
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

void FreeAligned::operator()(float* p) const { std::free(p); }

Floats filled(std::size_t count) {
  const std::size_t bytes = (count * sizeof(float) + 63) / 64 * 64;
  auto* p = static_cast<float*>(std::aligned_alloc(64, bytes));
  if (!p) throw std::bad_alloc();
#pragma omp parallel for
  for (std::size_t i = 0; i < count; ++i) p[i] = 0.01f;
  return Floats(p);
}

double copy_bytes_per_ms() {
  constexpr std::size_t kCount = 64u << 20;
  constexpr std::size_t kPart = 64u << 10;
  Floats from = filled(kCount), to = filled(kCount);
  const double ms = median_ms([&] {
#pragma omp parallel for schedule(static)
    for (std::size_t i = 0; i < kCount; i += kPart) std::memcpy(&to[i], &from[i], kPart * sizeof(float));
  });
  return 2.0 * kCount * sizeof(float) / ms;
}

}  // namespace rensa::floor
