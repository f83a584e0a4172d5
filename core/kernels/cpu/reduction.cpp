#include "core/kernels/reduction.h"

#include <omp.h>

#include <algorithm>
#include <array>
#include <limits>
#include <type_traits>
#include <vector>

#include "core/kernels/cpu/elementwise.h"
#include "core/kernels/cpu/vector_math.h"

namespace rensa::kernels {
namespace {

struct Sum {
  template <class T>
  using Partial = double;
  static constexpr double kStart = 0;
  static double join(double a, double b) { return a + b; }
};
struct Max {
  template <class T>
  using Partial = T;  // nothing is rounded
  static constexpr double kStart = -std::numeric_limits<double>::infinity();
  template <class T>
  static T join(T a, T b) {
    return b > a || b != b ? b : a;
  }
};
struct Product {
  template <class T>
  using Partial = double;
  static constexpr double kStart = 1;
  static double join(double a, double b) { return a * b; }
};

template <class Op, class T>
using Partial = typename Op::template Partial<T>;
template <class Op, class T>
constexpr auto kStart = static_cast<Partial<Op, T>>(Op::kStart);

constexpr std::int64_t kTile = 256;    ///< most results that one pass over the reduced axes collects
constexpr std::int64_t kPart = 16384;  ///< elements of a part when everything becomes one number
constexpr std::int64_t kLanes = 8;     ///< partial results of a contiguous row, so that its loop is a vector loop

/// Axes of one kind (kept or reduced), outermost first, neighbours joined where strides allow.
struct Axes {
  Shape shape;
  Strides strides;
  Strides out_strides;

  void append(std::int64_t size, std::int64_t stride, std::int64_t out_stride) {
    if (size == 1) return;
    const int last = shape.ndim() - 1;
    if (last >= 0 && strides[last] == stride * size && out_strides[last] == out_stride * size) {
      shape[last] *= size;
      strides[last] = stride;
      out_strides[last] = out_stride;
      return;
    }
    shape.push_back(size);
    strides.push_back(stride);
    out_strides.push_back(out_stride);
  }
  std::int64_t inner_size() const { return shape.ndim() ? shape.back() : 1; }
  std::int64_t inner_stride() const { return shape.ndim() ? strides.back() : std::numeric_limits<std::int64_t>::max(); }
  std::int64_t outer_count() const { return shape.ndim() ? total_size(shape) / shape.back() : 1; }

  /// Offsets (in x, in the result) of row `index` of all axes but the innermost.
  std::array<std::int64_t, 2> row(std::int64_t index) const {
    std::array<std::int64_t, 2> at{};
    for (int axis = shape.ndim() - 2; axis >= 0; --axis) {
      at[0] += index % shape[axis] * strides[axis];
      at[1] += index % shape[axis] * out_strides[axis];
      index /= shape[axis];
    }
    return at;
  }
};

template <class Op, class T>
Partial<Op, T> reduce_row(const T* x, std::int64_t count, std::int64_t step) {
  using P = Partial<Op, T>;
  if constexpr (std::is_same_v<Op, Max> && std::is_same_v<T, float>) {
    if (step == 1) return cpu::vector_max(x, count);
  }
  std::array<P, kLanes> lanes;
  lanes.fill(kStart<Op, T>);
  std::int64_t i = 0;
  if (step == 1) {
    for (; i + kLanes <= count; i += kLanes) {
      for (std::int64_t lane = 0; lane < kLanes; ++lane) {
        P& to = lanes[static_cast<std::size_t>(lane)];
        to = Op::join(to, static_cast<P>(x[i + lane]));
      }
    }
  }
  for (; i < count; ++i) lanes[0] = Op::join(lanes[0], static_cast<P>(x[i * step]));
  P result = lanes[0];
  for (std::size_t lane = 1; lane < kLanes; ++lane) result = Op::join(result, lanes[lane]);
  return result;
}

/// Everything to one number: parts of fixed size on all threads, then the parts in their order.
template <class Op, class T>
T reduce_all(const T* x, std::int64_t count) {
  std::vector<Partial<Op, T>> parts(static_cast<std::size_t>((count + kPart - 1) / kPart));
  cpu::for_each_block(
      static_cast<std::int64_t>(parts.size()),
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t p = begin; p < end; ++p) {
          parts[static_cast<std::size_t>(p)] = reduce_row<Op>(x + p * kPart, std::min(kPart, count - p * kPart), 1);
        }
      },
      /*cost=*/kPart * static_cast<std::int64_t>(sizeof(T)));
  return static_cast<T>(reduce_row<Op>(parts.data(), static_cast<std::int64_t>(parts.size()), 1));
}

/// Joins `length` lines of `width` elements to the results. Four lines meet first: results are read and written a
/// fourth as often.
template <class Op, class T>
void join_lines(const T* x, std::int64_t length, std::int64_t line_step, std::int64_t width, std::int64_t step,
                Partial<Op, T>* results) {
  using P = Partial<Op, T>;
  if constexpr (std::is_same_v<Op, Sum> && std::is_same_v<T, float>) {
    if (step == 1) return cpu::vector_add_lines(x, length, line_step, width, results);
  }
  std::int64_t j = 0;
  for (; j + 4 <= length; j += 4) {
    const T *a = x + j * line_step, *b = a + line_step, *c = b + line_step, *d = c + line_step;
    for (std::int64_t i = 0; i < width; ++i) {
      const P first = Op::join(static_cast<P>(a[i * step]), static_cast<P>(b[i * step]));
      const P second = Op::join(static_cast<P>(c[i * step]), static_cast<P>(d[i * step]));
      results[i] = Op::join(results[i], Op::join(first, second));
    }
  }
  for (; j < length; ++j) {
    const T* line = x + j * line_step;
    for (std::int64_t i = 0; i < width; ++i) results[i] = Op::join(results[i], static_cast<P>(line[i * step]));
  }
}

/// One tile of results: neighbours along the innermost kept axis.
template <class Op, class T>
void reduce_tile(const T* x, T* out, const Axes& kept, const Axes& reduced, std::int64_t width) {
  const std::int64_t step = kept.shape.ndim() ? kept.inner_stride() : 0;
  const std::int64_t out_step = kept.shape.ndim() ? kept.out_strides.back() : 0;
  const std::int64_t rows = reduced.outer_count(), length = reduced.inner_size();
  const std::int64_t reduced_step = reduced.shape.ndim() ? reduced.inner_stride() : 0;
  std::array<Partial<Op, T>, kTile> results;
  std::fill_n(results.begin(), width, kStart<Op, T>);
  for (std::int64_t r = 0; r < rows; ++r) {
    const T* row = x + reduced.row(r)[0];
    // By the whole axis and not by the tile, whose width depends on the number of threads.
    if (reduced_step < step || kept.inner_size() == 1) {
      for (std::int64_t i = 0; i < width; ++i) {
        Partial<Op, T>& to = results[static_cast<std::size_t>(i)];
        to = Op::join(to, reduce_row<Op>(row + i * step, length, reduced_step));
      }
      continue;
    }
    join_lines<Op>(row, length, reduced_step, width, step, results.data());
  }
  for (std::int64_t i = 0; i < width; ++i) out[i * out_step] = static_cast<T>(results[static_cast<std::size_t>(i)]);
}

/// So narrow that every thread has a tile, if `inner` results of `outer` rows allow it. What a result is does not
/// depend on it.
std::int64_t tile_width(std::int64_t inner, std::int64_t outer) {
  constexpr std::int64_t kLeast = 32;  // two cache lines of float32
  const std::int64_t parts = (omp_get_max_threads() + outer - 1) / outer, wanted = (inner + parts - 1) / parts;
  return std::clamp((wanted + kLeast - 1) / kLeast * kLeast, kLeast, kTile);
}

template <class Op>
Array reduce(const char* name, const Array& x, const Dims& axes) {
  Shape shape = x.shape();
  for (const std::int64_t axis : axes) shape[static_cast<int>(axis)] = 1;
  Array y = empty_like(x, shape);
  dispatch_floating(x.dtype(), name, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (y.size() == 0) return;
    if (x.size() == 0) return y.fill(Op::kStart);
    if (y.size() == 1 && x.is_dense()) {
      *y.data<T>() = reduce_all<Op>(x.data<T>(), x.size());
      return;
    }
    // Kept and reduced axes, each sorted by stride: the walk follows the memory.
    std::array<int, kMaxDims> order;
    for (int i = 0; i < x.ndim(); ++i) order[static_cast<std::size_t>(i)] = i;
    std::stable_sort(order.begin(), order.begin() + x.ndim(),
                     [&](int a, int b) { return x.strides()[a] > x.strides()[b]; });
    Axes kept, reduced;
    for (int i = 0; i < x.ndim(); ++i) {
      const int axis = order[static_cast<std::size_t>(i)];
      const bool keep = std::find(axes.begin(), axes.end(), axis) == axes.end();
      (keep ? kept : reduced).append(x.shape()[axis], x.strides()[axis], keep ? y.strides()[axis] : 0);
    }
    const std::int64_t inner = kept.inner_size(), tile = tile_width(inner, kept.outer_count()),
                       tiles = (inner + tile - 1) / tile;
    cpu::for_each_block(
        kept.outer_count() * tiles,
        [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t i = begin; i < end; ++i) {
            const auto at = kept.row(i / tiles);
            const std::int64_t first = i % tiles * tile, width = std::min(tile, inner - first);
            const std::int64_t step = kept.shape.ndim() ? kept.inner_stride() : 0;
            const std::int64_t out_step = kept.shape.ndim() ? kept.out_strides.back() : 0;
            reduce_tile<Op>(x.data<T>() + at[0] + first * step, y.data<T>() + at[1] + first * out_step, kept, reduced,
                            width);
          }
        },
        /*cost=*/static_cast<std::int64_t>(sizeof(T)) * total_size(reduced.shape) * std::min(inner, tile));
  });
  return y;
}

struct Equal {
  template <class T>
  T operator()(T a, T b) const {
    return a == b ? T(1) : T(0);
  }
};

/// One row of pass_where_equal: a step that is a constant lets the compiler use vectors.
template <class T, class Step>
void pass_row(const T* a, const T* b, const T* gy, T* to, std::int64_t count, Step step) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = a[i] == b[i * step] ? gy[i * step] : T(0);
}

Array pass_where_equal_cpu(const Array& a, const Array& b, const Array& gy) {
  Array y = empty_like(a);
  const Array other = b.broadcast_to(a.shape()), g = gy.broadcast_to(a.shape());
  dispatch_floating(a.dtype(), "max", [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* const out = y.data<T>();
    const T *const left = a.data<T>(), *const right = other.data<T>(), *const gradient = g.data<T>();
    cpu::for_each_row<4>(y.shape(), {y.strides(), a.strides(), other.strides(), g.strides()},
                         [&](const auto& at, const auto& step, std::int64_t count) {
                           T* to = out + at[0];
                           const T *as = left + at[1], *bs = right + at[2], *gs = gradient + at[3];
                           constexpr std::integral_constant<std::int64_t, 0> kSame;
                           constexpr std::integral_constant<std::int64_t, 1> kNext;
                           if (step[0] == 1 && step[1] == 1 && step[2] == step[3]) {
                             if (step[2] == 0) return pass_row(as, bs, gs, to, count, kSame);
                             if (step[2] == 1) return pass_row(as, bs, gs, to, count, kNext);
                           }
                           for (std::int64_t i = 0; i < count; ++i) {
                             to[i * step[0]] = as[i * step[1]] == bs[i * step[2]] ? gs[i * step[3]] : T(0);
                           }
                         });
  });
  return y;
}

Array sum_cpu(const Array& x, const Dims& axes) { return reduce<Sum>("sum", x, axes); }
Array max_cpu(const Array& x, const Dims& axes) { return reduce<Max>("max", x, axes); }
Array prod_cpu(const Array& x, const Dims& axes) { return reduce<Product>("prod", x, axes); }
Array equal_cpu(const Array& a, const Array& b) { return cpu::map("equal", Equal{}, a, b); }

const Implementation cpu_sum(sum, DeviceKind::kCpu, cpu::in_float32<sum_cpu>);
const Implementation cpu_max(max, DeviceKind::kCpu, cpu::in_float32<max_cpu>);
const Implementation cpu_prod(prod, DeviceKind::kCpu, cpu::in_float32<prod_cpu>);
const Implementation cpu_equal(equal, DeviceKind::kCpu, equal_cpu);
const Implementation cpu_pass(pass_where_equal, DeviceKind::kCpu, cpu::in_float32<pass_where_equal_cpu>);

}  // namespace
}  // namespace rensa::kernels
