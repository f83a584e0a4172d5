#include "benchmarks/floor/stopwatch.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

namespace rensa::floor {

double seconds_of(const std::function<void()>& call, std::int64_t calls) {
  const auto start = std::chrono::steady_clock::now();
  for (std::int64_t i = 0; i < calls; ++i) call();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double median_ms(const std::function<void()>& call) {
  call();
  std::vector<double> times;
  for (double total = 0; times.size() < 5 || total < 60;) {
    times.push_back(seconds_of(call) * 1e3);
    total += times.back();
  }
  return median(std::move(times));
}

void FreeAligned::operator()(float* p) const { std::free(p); }

Floats filled(std::size_t count) {
  const std::size_t bytes = (count * sizeof(float) + 63) / 64 * 64;
  auto* p = static_cast<float*>(std::aligned_alloc(64, bytes));
  if (!p) throw std::bad_alloc();
#pragma omp parallel for
  for (std::size_t i = 0; i < count; ++i) p[i] = std::bit_cast<float>(0x3c233c23u);  // 0.01, and of each half too
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
