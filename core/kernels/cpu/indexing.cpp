#include "core/kernels/indexing.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "core/array/dispatch.h"
#include "core/kernels/cpu/half_precision.h"
#include "core/kernels/cpu/strided_loop.h"
#include "core/kernels/formulas/comparison.h"

namespace rensa::kernels {
namespace {

/// Calls body with an unsigned integer type of the dtype's size: for what only moves elements.
template <class Body>
void dispatch_by_size(Dtype dtype, Body&& body) {
  switch (item_size(dtype)) {
    case 1:
      return body(TypeTag<std::uint8_t>{});
    case 2:
      return body(TypeTag<std::uint16_t>{});
    case 4:
      return body(TypeTag<std::uint32_t>{});
    default:
      return body(TypeTag<std::uint64_t>{});
  }
}

Array gather_cpu(const Array& x, const Array& positions) {
  Array y = empty(positions.shape(), x.dtype());
  const std::int64_t* at = positions.data<std::int64_t>();
  dispatch_by_size(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto* from = static_cast<const T*>(x.raw_data());
    auto* to = static_cast<T*>(y.raw_data());
    cpu::for_each_block(
        y.size(),
        [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t i = begin; i < end; ++i) to[i] = at[i] < 0 ? T(0) : from[at[i]];
        },
        /*cost=*/16);
  });
  return y;
}

Array scatter_add_cpu(const Array& gy, const Array& positions, const Shape& shape) {
  Array gx = zeros(shape, gy.dtype());
  const std::int64_t* at = positions.data<std::int64_t>();
  dispatch_floating(gy.dtype(), "scatter_add", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* from = gy.data<T>();
    T* to = gx.data<T>();
    for (std::int64_t i = 0, count = gy.size(); i < count; ++i) {
      if (at[i] >= 0) to[at[i]] += from[i];
    }
  });
  return gx;
}

Array take_rows_cpu(const Array& x, const Array& positions) {
  const std::int64_t outer = x.shape()[0], n = x.shape()[1], m = positions.size();
  const auto row = static_cast<std::int64_t>(item_size(x.dtype())) * x.shape()[2];
  Array y = empty({outer, m, x.shape()[2]}, x.dtype());
  const std::int64_t* at = positions.data<std::int64_t>();
  const auto* from = static_cast<const std::byte*>(x.raw_data());
  auto* to = static_cast<std::byte*>(y.raw_data());
  cpu::for_each_block(
      outer * m,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
          const std::int64_t position = at[i % m];
          if (position < 0) {
            std::memset(to + i * row, 0, static_cast<std::size_t>(row));
          } else {
            std::memcpy(to + i * row, from + (i / m * n + position) * row, static_cast<std::size_t>(row));
          }
        }
      },
      /*cost=*/row + 16);
  return y;
}

/// Each thread owns a stretch of the rows and reads all positions: sums are in the order of the positions on any
/// number.
Array add_rows_cpu(const Array& gy, const Array& positions, std::int64_t n) {
  const std::int64_t outer = gy.shape()[0], m = positions.size(), inner = gy.shape()[2];
  Array gx = empty({outer, n, inner}, gy.dtype());
  const std::int64_t* at = positions.data<std::int64_t>();
  dispatch_floating(gy.dtype(), "take", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* from = gy.data<T>();
    T* to = gx.data<T>();
    cpu::for_each_block(
        n,
        [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t o = 0; o < outer; ++o) {
            T* rows = to + o * n * inner;
            std::fill(rows + begin * inner, rows + end * inner, T(0));
            for (std::int64_t i = 0; i < m; ++i) {
              if (at[i] < begin || at[i] >= end) continue;
              T* row = rows + at[i] * inner;
              const T* g = from + (o * m + i) * inner;
              for (std::int64_t k = 0; k < inner; ++k) row[k] += g[k];
            }
          }
        },
        /*cost=*/n == 0 ? 1 : 1 + outer * inner * (n + m) * static_cast<std::int64_t>(sizeof(T)) / n);
  });
  return gx;
}

/// One row of where, T unsigned. Steps that are constants let the compiler use vectors; a mask instead of a branch
/// costs the same whatever the condition.
template <class T, class StepA, class StepB>
void where_row(T* to, const bool* c, const T* a, const T* b, std::int64_t count, StepA step_a, StepB step_b) {
  for (std::int64_t i = 0; i < count; ++i) {
    const T x = a[i * step_a], y = b[i * step_b], mask = static_cast<T>(T(0) - static_cast<T>(c[i]));
    to[i] = static_cast<T>(y ^ ((x ^ y) & mask));
  }
}

Array where_cpu(const Array& condition, const Array& a, const Array& b) {
  Array y = empty(condition.shape(), a.dtype());
  const auto* c = static_cast<const bool*>(condition.raw_data());
  dispatch_by_size(a.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto* as = static_cast<const T*>(a.raw_data());
    const auto* bs = static_cast<const T*>(b.raw_data());
    auto* to = static_cast<T*>(y.raw_data());
    cpu::for_each_row<4>(y.shape(), {y.strides(), condition.strides(), a.strides(), b.strides()},
                         [&](const auto& at, const auto& step, std::int64_t count) {
                           T* row = to + at[0];
                           const bool* flags = c + at[1];
                           const T *l = as + at[2], *r = bs + at[3];
                           constexpr std::integral_constant<std::int64_t, 0> kSame;
                           constexpr std::integral_constant<std::int64_t, 1> kNext;
                           if (step[0] == 1 && step[1] == 1) {
                             if (step[2] == 1 && step[3] == 1) return where_row(row, flags, l, r, count, kNext, kNext);
                             if (step[2] == 1 && step[3] == 0) return where_row(row, flags, l, r, count, kNext, kSame);
                             if (step[2] == 0 && step[3] == 1) return where_row(row, flags, l, r, count, kSame, kNext);
                           }
                           for (std::int64_t i = 0; i < count; ++i) {
                             to[at[0] + i * step[0]] =
                                 c[at[1] + i * step[1]] ? as[at[2] + i * step[2]] : bs[at[3] + i * step[3]];
                           }
                         });
  });
  return y;
}

Array compare_cpu(const Array& a, const Array& b, Comparison comparison) {
  Array y = empty(a.shape(), Dtype::kBool);
  dispatch_all(a.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto* as = static_cast<const T*>(a.raw_data());
    const auto* bs = static_cast<const T*>(b.raw_data());
    auto* to = static_cast<bool*>(y.raw_data());
    const auto holds = [comparison](const T& l, const T& r) {
      if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>) {
        return formulas::holds(static_cast<float>(l), static_cast<float>(r), comparison);
      } else {
        return formulas::holds(l, r, comparison);
      }
    };
    cpu::for_each_row<3>(y.shape(), {y.strides(), a.strides(), b.strides()},
                         [&](const auto& at, const auto& step, std::int64_t count) {
                           for (std::int64_t i = 0; i < count; ++i) {
                             to[at[0] + i * step[0]] = holds(as[at[1] + i * step[1]], bs[at[2] + i * step[2]]);
                           }
                         });
  });
  return y;
}

constexpr DeviceKind kCpu = DeviceKind::kCpu;
const Implementation cpu_gather(gather, kCpu, gather_cpu);
const Implementation cpu_scatter_add(scatter_add, kCpu, cpu::in_float32<scatter_add_cpu>);
const Implementation cpu_take_rows(take_rows, kCpu, take_rows_cpu);
const Implementation cpu_add_rows(add_rows, kCpu, cpu::in_float32<add_rows_cpu>);
const Implementation cpu_where(where, kCpu, where_cpu);
const Implementation cpu_compare(compare, kCpu, compare_cpu);

}  // namespace
}  // namespace rensa::kernels
