#include "core/kernels/ordering.h"

#include <algorithm>
#include <numeric>

#include "core/array/dispatch.h"
#include "core/kernels/cpu/half_precision.h"
#include "core/kernels/cpu/parallel.h"

namespace rensa::kernels {
namespace {

/// Calls line(index) for every line of x, on several threads.
template <class Line>
void for_each_line(const Array& x, std::int64_t cost_of_element, const Line& line) {
  const std::int64_t n = x.shape().back();
  cpu::for_each_block(
      n == 0 ? 0 : x.size() / n,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) line(i);
      },
      cost_of_element * n);
}

/// Calls body for every dtype but the 16-bit ones, which come here as float32.
template <class Body>
void dispatch_ordered(Dtype dtype, Body&& body) {
  dispatch_all(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (!std::is_same_v<T, Float16> && !std::is_same_v<T, BFloat16>) body(tag);
  });
}

Array position_of_extreme_cpu(const Array& x, bool largest) {
  Shape shape = x.shape();
  shape.erase(x.ndim() - 1);
  Array positions = empty(shape, Dtype::kInt64);
  const std::int64_t n = x.shape().back();
  dispatch_ordered(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    for_each_line(x, 4, [&](std::int64_t i) {
      const T* line = x.data<T>() + i * n;
      std::int64_t best = 0;
      for (std::int64_t k = 1; k < n && line[best] == line[best]; ++k) {
        if (line[k] != line[k] || (largest ? line[k] > line[best] : line[k] < line[best])) best = k;
      }
      positions.data<std::int64_t>()[i] = best;
    });
  });
  return positions;
}

Array sorting_positions_cpu(const Array& x, bool descending) {
  Array positions = empty(x.shape(), Dtype::kInt64);
  const std::int64_t n = x.shape().back();
  dispatch_ordered(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    for_each_line(x, 64, [&](std::int64_t i) {
      const T* line = x.data<T>() + i * n;
      std::int64_t* to = positions.data<std::int64_t>() + i * n;
      std::iota(to, to + n, std::int64_t{0});
      std::stable_sort(to, to + n, [&](std::int64_t a, std::int64_t b) {
        if (line[a] != line[a] || line[b] != line[b]) return line[a] == line[a] && line[b] != line[b];
        return descending ? line[a] > line[b] : line[a] < line[b];
      });
    });
  });
  return positions;
}

Array running_sum_cpu(const Array& x, bool reverse) {
  Array y = empty(x.shape(), x.dtype());
  const std::int64_t n = x.shape().back();
  dispatch_floating(x.dtype(), "cumsum", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for_each_line(x, 4, [&](std::int64_t i) {
      const T* from = x.data<T>() + i * n;
      T* to = y.data<T>() + i * n;
      double sum = 0;
      for (std::int64_t k = 0; k < n; ++k) {
        const std::int64_t at = reverse ? n - 1 - k : k;
        to[at] = static_cast<T>(sum += static_cast<double>(from[at]));
      }
    });
  });
  return y;
}

Array running_product_cpu(const Array& x) {
  Array y = empty(x.shape(), x.dtype());
  const std::int64_t n = x.shape().back();
  dispatch_floating(x.dtype(), "cumprod", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for_each_line(x, 4, [&](std::int64_t i) {
      double product = 1;
      for (std::int64_t k = i * n; k < (i + 1) * n; ++k) {
        y.data<T>()[k] = static_cast<T>(product *= static_cast<double>(x.data<T>()[k]));
      }
    });
  });
  return y;
}

constexpr DeviceKind kCpu = DeviceKind::kCpu;
const Implementation cpu_position_of_extreme(position_of_extreme, kCpu, cpu::in_float32<position_of_extreme_cpu>);
const Implementation cpu_sorting_positions(sorting_positions, kCpu, cpu::in_float32<sorting_positions_cpu>);
const Implementation cpu_running_sum(running_sum, kCpu, cpu::in_float32<running_sum_cpu>);
const Implementation cpu_running_product(running_product, kCpu, cpu::in_float32<running_product_cpu>);

}  // namespace
}  // namespace rensa::kernels
