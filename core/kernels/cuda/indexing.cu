#include "core/kernels/indexing.h"

#include <algorithm>

#include "core/kernels/cuda/element.cuh"
#include "core/kernels/cuda/launch.h"
#include "core/kernels/cuda/strided.h"
#include "core/kernels/formulas/comparison.h"

namespace rensa::kernels {
namespace {

using cuda::blocks_for;
using cuda::Computed;
using cuda::kThreads;
using cuda::narrow;
using cuda::pointer;
using cuda::Strided;
using cuda::widen;

using Position = std::int64_t;

template <class Bits>
__global__ void gather_kernel(const Bits* x, const Position* positions, Bits* y, std::int64_t count) {
  const std::int64_t step = gridDim.x * static_cast<std::int64_t>(blockDim.x);
  for (std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; i < count; i += step) {
    y[i] = positions[i] < 0 ? Bits(0) : x[positions[i]];
  }
}

Array gather_cuda(const Array& x, const Array& positions) {
  const Array y = empty(positions.shape(), x.dtype(), x.device());
  if (y.size() == 0) return y;
  cuda::dispatch_size(x.dtype(), [&](auto tag) {
    using Bits = typename decltype(tag)::type;
    gather_kernel<<<blocks_for(y.size()), kThreads, 0, cuda::stream_for(x)>>>(
        pointer<const Bits>(x), pointer<const Position>(positions), pointer<Bits>(y), y.size());
  });
  cuda::check_launch("gather");
  return y;
}

template <class T>
__global__ void scatter_add_kernel(const T* gy, const Position* positions, T* gx, std::int64_t count) {
  const std::int64_t step = gridDim.x * static_cast<std::int64_t>(blockDim.x);
  for (std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; i < count; i += step) {
    if (positions[i] >= 0) atomicAdd(gx + positions[i], gy[i]);
  }
}

/// Where several elements go to one position, their order is the hardware's: the last bit may differ from run to run.
/// 16-bit elements are summed in float32.
Array scatter_add_cuda(const Array& gy, const Array& positions, const Shape& shape) {
  if (is_half(gy.dtype())) return scatter_add_cuda(gy.to(Dtype::kFloat32), positions, shape).to(gy.dtype());
  const Array gx = zeros(shape, gy.dtype(), gy.device());
  cuda::dispatch_wide(gy.dtype(), "scatter_add", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (gy.size() == 0) return;
    scatter_add_kernel<<<blocks_for(gy.size()), kThreads, 0, cuda::stream_for(gy)>>>(
        pointer<const T>(gy), pointer<const Position>(positions), pointer<T>(gx), gy.size());
    cuda::check_launch("scatter_add");
  });
  return gx;
}

/// A block copies a row, in the widest words that its length allows.
template <class Word>
__global__ void take_rows_kernel(const Word* x, const Position* positions, Word* y, std::int64_t rows, std::int64_t m,
                                 std::int64_t n, std::int64_t words) {
  for (std::int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
    const Position position = positions[row % m];
    const Word* from = x + (row / m * n + position) * words;
    for (std::int64_t k = threadIdx.x; k < words; k += blockDim.x) y[row * words + k] = position < 0 ? Word{} : from[k];
  }
}

Array take_rows_cuda(const Array& x, const Array& positions) {
  const std::int64_t outer = x.shape()[0], n = x.shape()[1], m = positions.size(), inner = x.shape()[2];
  const Array y = empty({outer, m, inner}, x.dtype(), x.device());
  if (y.size() == 0) return y;
  const std::int64_t bytes = inner * static_cast<std::int64_t>(item_size(x.dtype()));
  const auto run = [&](auto word) {
    using Word = decltype(word);
    const std::int64_t words = bytes / static_cast<std::int64_t>(sizeof(Word));
    const int threads = words <= 32 ? 32 : words <= 128 ? 128 : 256;
    take_rows_kernel<<<blocks_for(outer * m, 1), threads, 0, cuda::stream_for(x)>>>(
        pointer<const Word>(x), pointer<const Position>(positions), pointer<Word>(y), outer * m, m, n, words);
  };
  const bool by_16 = bytes % 16 == 0 && reinterpret_cast<std::uintptr_t>(x.raw_data()) % 16 == 0;
  if (by_16) {
    run(uint4{});
  } else {
    cuda::dispatch_size(x.dtype(), [&](auto tag) { run(typename decltype(tag)::type{}); });
  }
  cuda::check_launch("take");
  return y;
}

constexpr int kChunk = 256;                    ///< positions that a block looks at together
constexpr std::int64_t kMostGridRows = 65535;  ///< CUDA's limit for gridDim.y

/// A block belongs to one of the m positions and to some of the outer rows. That which comes first of equal ones adds
/// up the rows of all of them, in their order: the same bits every time. Rows that no position names stay zero.
template <class T>
__global__ void add_rows_kernel(const T* all_gy, const Position* positions, T* all_gx, std::int64_t outer,
                                std::int64_t m, std::int64_t n, std::int64_t inner) {
  __shared__ bool matches[kChunk];
  const std::int64_t own = blockIdx.x;
  const Position position = positions[own];
  if (position < 0) return;
  bool earlier = false;
  for (std::int64_t i = threadIdx.x; i < own; i += blockDim.x) earlier = earlier || positions[i] == position;
  if (__syncthreads_or(earlier)) return;
  for (std::int64_t o = blockIdx.y; o < outer; o += gridDim.y) {
    const T* gy = all_gy + o * m * inner;
    T* row = all_gx + (o * n + position) * inner;
    for (std::int64_t base = 0; base < inner; base += blockDim.x) {
      const std::int64_t k = base + threadIdx.x;
      Computed<T> sum = 0;
      for (std::int64_t chunk = own; chunk < m; chunk += kChunk) {
        __syncthreads();
        const std::int64_t i = chunk + threadIdx.x;
        const bool match = i < m && positions[i] == position;
        matches[threadIdx.x] = match;
        if (!__syncthreads_or(match) || k >= inner) continue;
        for (int j = 0; j < kChunk; ++j) {
          if (matches[j]) sum += widen(gy[(chunk + j) * inner + k]);
        }
      }
      if (k < inner) row[k] = narrow<T>(sum);
    }
  }
}

Array add_rows_cuda(const Array& gy, const Array& positions, std::int64_t n) {
  const std::int64_t outer = gy.shape()[0], m = positions.size(), inner = gy.shape()[2];
  const Array gx = zeros({outer, n, inner}, gy.dtype(), gy.device());
  cuda::dispatch_floating(gy.dtype(), "take", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (gy.size() == 0) return;
    const dim3 blocks(static_cast<unsigned>(m), static_cast<unsigned>(std::min(outer, kMostGridRows)));
    add_rows_kernel<<<blocks, kChunk, 0, cuda::stream_for(gy)>>>(
        pointer<const T>(gy), pointer<const Position>(positions), pointer<T>(gx), outer, m, n, inner);
    cuda::check_launch("take_grad");
  });
  return gx;
}

template <class Bits>
__global__ void where_kernel(const bool* condition, const Bits* a, const Bits* b, Bits* y, Strided<4> places) {
  const auto threads = static_cast<std::uint32_t>(gridDim.x) * blockDim.x;
  for (std::uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < places.count; i += threads) {
    const auto at = places.offsets(i);
    y[at.at[0]] = condition[at.at[1]] ? a[at.at[2]] : b[at.at[3]];
  }
}

Array where_cuda(const Array& condition, const Array& a, const Array& b) {
  const Array y = empty(condition.shape(), a.dtype(), a.device());
  if (y.size() == 0) return y;
  cuda::for_each_part(
      [&](const Array& to, const Array& c, const Array& left, const Array& right) {
        const Strided<4> places(to.shape(), {to.strides(), c.strides(), left.strides(), right.strides()});
        cuda::dispatch_size(to.dtype(), [&](auto tag) {
          using Bits = typename decltype(tag)::type;
          where_kernel<<<blocks_for(to.size()), kThreads, 0, cuda::stream_for(to)>>>(
              pointer<const bool>(c), pointer<const Bits>(left), pointer<const Bits>(right), pointer<Bits>(to), places);
        });
        cuda::check_launch("where");
      },
      y, condition, a, b);
  return y;
}

template <class T>
__global__ void compare_kernel(const T* a, const T* b, bool* y, Comparison comparison, Strided<3> places) {
  const auto threads = static_cast<std::uint32_t>(gridDim.x) * blockDim.x;
  for (std::uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < places.count; i += threads) {
    const auto at = places.offsets(i);
    y[at.at[0]] = formulas::holds(widen(a[at.at[1]]), widen(b[at.at[2]]), comparison);
  }
}

template <class T>
void launch_compare(const Array& y, const Array& a, const Array& b, Comparison comparison) {
  cuda::for_each_part(
      [&](const Array& to, const Array& left, const Array& right) {
        compare_kernel<<<blocks_for(to.size()), kThreads, 0, cuda::stream_for(to)>>>(
            pointer<const T>(left), pointer<const T>(right), pointer<bool>(to), comparison,
            Strided<3>(to.shape(), {to.strides(), left.strides(), right.strides()}));
        cuda::check_launch("compare");
      },
      y, a, b);
}

Array compare_cuda(const Array& a, const Array& b, Comparison comparison) {
  const Array y = empty(a.shape(), Dtype::kBool, a.device());
  if (y.size() == 0) return y;
  switch (a.dtype()) {
    case Dtype::kBool:
      launch_compare<bool>(y, a, b, comparison);
      break;
    case Dtype::kUInt8:
      launch_compare<std::uint8_t>(y, a, b, comparison);
      break;
    case Dtype::kInt8:
      launch_compare<std::int8_t>(y, a, b, comparison);
      break;
    case Dtype::kInt32:
      launch_compare<std::int32_t>(y, a, b, comparison);
      break;
    case Dtype::kInt64:
      launch_compare<std::int64_t>(y, a, b, comparison);
      break;
    default:
      cuda::dispatch_floating(a.dtype(), "compare",
                              [&](auto tag) { launch_compare<typename decltype(tag)::type>(y, a, b, comparison); });
  }
  return y;
}

constexpr DeviceKind kCuda = DeviceKind::kCuda;
const Implementation cuda_gather(gather, kCuda, gather_cuda);
const Implementation cuda_scatter_add(scatter_add, kCuda, scatter_add_cuda);
const Implementation cuda_take_rows(take_rows, kCuda, take_rows_cuda);
const Implementation cuda_add_rows(add_rows, kCuda, add_rows_cuda);
const Implementation cuda_where(where, kCuda, where_cuda);
const Implementation cuda_compare(compare, kCuda, compare_cuda);

}  // namespace
}  // namespace rensa::kernels
