#include <algorithm>
#include <cstdint>

#include "core/error.h"
#include "core/kernels/cuda/element.cuh"
#include "core/kernels/cuda/launch.h"
#include "core/kernels/ordering.h"

namespace rensa::kernels {
namespace {

using cuda::pointer;

// A bitonic network over (key, position): the position makes all pairs different, so that equal elements keep their
// order. Lines are filled up to a power of two with pairs behind all others. Source: Batcher, "Sorting networks and
// their applications", 1968.

struct Entry {
  std::uint64_t key;
  std::int64_t position;
};

__device__ bool comes_before(const Entry& a, const Entry& b) {
  return a.key != b.key ? a.key < b.key : a.position < b.position;
}

constexpr int kSortThreads = 512;
constexpr std::int64_t kTile = 2 * kSortThreads;  ///< pairs that a block sorts in its shared memory

/// Numbers whose order as unsigned ones is the elements'; -0 and 0 are one, not-a-number is behind all either way.
__device__ std::uint64_t key_of(double value, bool descending) {
  if (value != value) return ~std::uint64_t{0} - 1;
  const auto bits = static_cast<std::uint64_t>(__double_as_longlong(value == 0 ? 0.0 : value));
  const std::uint64_t ordered = bits >> 63 ? ~bits : bits | std::uint64_t{1} << 63;
  return descending ? ~ordered : ordered;
}
__device__ std::uint64_t key_of(std::int64_t value, bool descending) {
  const std::uint64_t ordered = static_cast<std::uint64_t>(value) ^ std::uint64_t{1} << 63;
  return descending ? ~ordered : ordered;
}

template <class T>
__global__ void entries_kernel(const T* x, Entry* entries, std::int64_t lines, std::int64_t n, std::int64_t padded,
                               bool descending) {
  const std::int64_t step = gridDim.x * static_cast<std::int64_t>(blockDim.x);
  for (std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; i < lines * padded;
       i += step) {
    const std::int64_t line = i / padded, at = i % padded;
    Entry entry{~std::uint64_t{0}, at};
    if (at < n) {
      if constexpr (cuda::kIsHalf<T> || std::is_floating_point_v<T>) {
        entry.key = key_of(static_cast<double>(cuda::widen(x[line * n + at])), descending);
      } else {
        entry.key = key_of(static_cast<std::int64_t>(x[line * n + at]), descending);
      }
    }
    entries[i] = entry;
  }
}

/// One step: elements whose distance is `distance` are exchanged where they lie in the wrong order; runs of `run`
/// elements go up and down in turn.
__device__ void compare(Entry& a, Entry& b, std::int64_t place, std::int64_t run) {
  const bool up = (place & run) == 0;
  if (comes_before(b, a) == up) {
    const Entry kept = a;
    a = b;
    b = kept;
  }
}

/// A step between elements of different tiles. Pair i of a line is the elements low and low + distance.
__global__ void far_step_kernel(Entry* entries, std::int64_t pairs, std::int64_t padded, std::int64_t run,
                                std::int64_t distance) {
  const std::int64_t step = gridDim.x * static_cast<std::int64_t>(blockDim.x);
  for (std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; i < pairs; i += step) {
    const std::int64_t low = i / distance * 2 * distance + i % distance;
    compare(entries[low], entries[low + distance], low % padded, run);
  }
}

/// All steps inside tiles: of the runs first_run … last_run, each from the distance that fits into a tile on.
__global__ void near_steps_kernel(Entry* entries, std::int64_t tile, std::int64_t padded, std::int64_t first_run,
                                  std::int64_t last_run) {
  __shared__ Entry here[kTile];
  const std::int64_t first = blockIdx.x * tile;
  const int half = static_cast<int>(tile / 2), thread = threadIdx.x;
  here[thread] = entries[first + thread];
  here[thread + half] = entries[first + thread + half];
  for (std::int64_t run = first_run; run <= last_run; run *= 2) {
    for (std::int64_t distance = (run < tile ? run : tile) / 2; distance > 0; distance /= 2) {
      __syncthreads();
      const std::int64_t low = thread / distance * 2 * distance + thread % distance;
      compare(here[low], here[low + distance], (first + low) % padded, run);
    }
  }
  __syncthreads();
  entries[first + thread] = here[thread];
  entries[first + thread + half] = here[thread + half];
}

__global__ void positions_kernel(const Entry* entries, std::int64_t* positions, std::int64_t lines, std::int64_t n,
                                 std::int64_t padded) {
  const std::int64_t step = gridDim.x * static_cast<std::int64_t>(blockDim.x);
  for (std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; i < lines * n; i += step) {
    positions[i] = entries[i / n * padded + i % n].position;
  }
}

void sort(Entry* entries, std::int64_t lines, std::int64_t padded, cudaStream_t stream) {
  const std::int64_t tile = std::min(kTile, padded), all = lines * padded;
  const auto blocks = static_cast<unsigned>(all / tile), threads = static_cast<unsigned>(tile / 2);
  near_steps_kernel<<<blocks, threads, 0, stream>>>(entries, tile, padded, 2, tile);
  for (std::int64_t run = 2 * tile; run <= padded; run *= 2) {
    for (std::int64_t distance = run / 2; distance >= tile; distance /= 2) {
      far_step_kernel<<<cuda::blocks_for(all / 2), cuda::kThreads, 0, stream>>>(entries, all / 2, padded, run,
                                                                                distance);
    }
    near_steps_kernel<<<blocks, threads, 0, stream>>>(entries, tile, padded, run, run);
  }
}

Array sorting_positions_cuda(const Array& x, bool descending) {
  const Array positions = empty(x.shape(), Dtype::kInt64, x.device());
  if (x.size() == 0) return positions;
  const std::int64_t n = x.shape().back(), lines = x.size() / n;
  std::int64_t padded = 2;
  while (padded < n) padded *= 2;
  const Array room = empty({lines * padded * static_cast<std::int64_t>(sizeof(Entry))}, Dtype::kUInt8, x.device());
  auto* const entries = pointer<Entry>(room);
  const cudaStream_t stream = cuda::stream_for(x);
  const auto run = [&](auto tag) {
    using T = typename decltype(tag)::type;
    entries_kernel<<<cuda::blocks_for(lines * padded), cuda::kThreads, 0, stream>>>(pointer<const T>(x), entries, lines,
                                                                                    n, padded, descending);
  };
  cuda::dispatch_ordered(x.dtype(), "argsort", run);
  sort(entries, lines, padded, stream);
  positions_kernel<<<cuda::blocks_for(x.size()), cuda::kThreads, 0, stream>>>(entries, pointer<std::int64_t>(positions),
                                                                              lines, n, padded);
  cuda::check_launch("argsort");
  return positions;
}

const Implementation cuda_sorting_positions(sorting_positions, DeviceKind::kCuda, sorting_positions_cuda);

}  // namespace
}  // namespace rensa::kernels
