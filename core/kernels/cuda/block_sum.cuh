#pragma once

#include <cstdint>

namespace rensa::cuda {

/// Op's result over the threads of a warp, in every thread; the order is always the same.
template <class Op, class T>
__device__ __forceinline__ T across_warp(T value) {
#pragma unroll
  for (int step = 16; step > 0; step /= 2) value = Op::join(value, __shfl_xor_sync(0xffffffffu, value, step));
  return value;
}

/// Op's result over the threads of a block (a multiple of 32, at most 1024), in every thread. All threads call it.
template <class Op, class T>
__device__ __forceinline__ T across_block(T value) {
  __shared__ T of_warp[32];
  const int warps = static_cast<int>(blockDim.x) / 32, lane = threadIdx.x % 32;
  value = across_warp<Op>(value);
  if (warps == 1) return value;
  if (lane == 0) of_warp[threadIdx.x / 32] = value;
  __syncthreads();
  value = across_warp<Op>(lane < warps ? of_warp[lane] : static_cast<T>(Op::kStart));
  __syncthreads();  // of_warp may be used again
  return value;
}

struct SumOp {
  static constexpr double kStart = 0;
  template <class T>
  static __device__ __forceinline__ T join(T a, T b) {
    return a + b;
  }
};
/// The larger one; not-a-number wins.
struct MaxOp {
  static constexpr double kStart = -__builtin_inf();
  template <class T>
  static __device__ __forceinline__ T join(T a, T b) {
    return b > a || b != b ? b : a;
  }
};
struct ProductOp {
  static constexpr double kStart = 1;
  template <class T>
  static __device__ __forceinline__ T join(T a, T b) {
    return a * b;
  }
};

/// Elements of a long sum that one block adds up, whatever the GPU: the order of the sum follows from its length.
inline constexpr std::int64_t kSumBlock = 16384;
inline std::int64_t sum_blocks(std::int64_t count) { return (count + kSumBlock - 1) / kSumBlock; }

/// act(i) for the calling thread's share of its block's elements out of `count`.
template <class Act>
__device__ __forceinline__ void each_of_sum_block(std::int64_t count, const Act& act) {
  const std::int64_t first = blockIdx.x * kSumBlock, last = first + kSumBlock < count ? first + kSumBlock : count;
  for (std::int64_t i = first + threadIdx.x; i < last; i += blockDim.x) act(i);
}

/// Threads of a block that shares a row of n elements.
inline int threads_for_row(std::int64_t n) { return n <= 64 ? 32 : n <= 512 ? 128 : n <= 4096 ? 256 : 512; }

}  // namespace rensa::cuda
