#include "core/kernels/cuda/block_sum.cuh"
#include "core/kernels/cuda/element.cuh"
#include "core/kernels/cuda/launch.h"
#include "core/kernels/ordering.h"

namespace rensa::kernels {
namespace {

using cuda::kThreads;
using cuda::pointer;

/// Op over the values of this thread and of those before it in the block (kThreads of them); `all` becomes Op over all.
template <class Op>
__device__ double running_in_block(double value, double& all) {
  __shared__ double of_warp[kThreads / 32];
  const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;
#pragma unroll
  for (unsigned step = 1; step < 32; step *= 2) {
    const double before = __shfl_up_sync(0xffffffffu, value, step);
    if (lane >= step) value = Op::join(before, value);
  }
  if (lane == 31) of_warp[warp] = value;
  __syncthreads();
  double earlier = Op::kStart;
  all = Op::kStart;
#pragma unroll
  for (unsigned w = 0; w < kThreads / 32; ++w) {
    if (w == warp) earlier = all;
    all = Op::join(all, of_warp[w]);
  }
  __syncthreads();  // of_warp is used again
  return Op::join(earlier, value);
}

/// A block works on a line, kThreads elements after another.
template <class T, class Op>
__global__ void running_kernel(const T* x, T* y, std::int64_t n, bool reverse) {
  x += blockIdx.x * n;
  y += blockIdx.x * n;
  double earlier = Op::kStart;
  for (std::int64_t first = 0; first < n; first += kThreads) {
    const std::int64_t i = first + threadIdx.x, at = reverse ? n - 1 - i : i;
    const double value = i < n ? static_cast<double>(cuda::widen(x[at])) : static_cast<double>(Op::kStart);
    double all = 0;
    const double here = Op::join(earlier, running_in_block<Op>(value, all));
    if (i < n) y[at] = cuda::narrow<T>(static_cast<cuda::Computed<T>>(here));
    earlier = Op::join(earlier, all);
  }
}

template <class Op>
Array running(const char* name, const Array& x, bool reverse) {
  const Array y = empty(x.shape(), x.dtype(), x.device());
  if (x.size() == 0) return y;
  const std::int64_t n = x.shape().back();
  cuda::dispatch_floating(x.dtype(), name, [&](auto tag) {
    using T = typename decltype(tag)::type;
    running_kernel<T, Op><<<static_cast<unsigned>(x.size() / n), kThreads, 0, cuda::stream_for(x)>>>(
        pointer<const T>(x), pointer<T>(y), n, reverse);
  });
  cuda::check_launch(name);
  return y;
}

const Implementation cuda_running_sum(running_sum, DeviceKind::kCuda, [](const Array& x, bool reverse) {
  return running<cuda::SumOp>("cumsum", x, reverse);
});
const Implementation cuda_running_product(running_product, DeviceKind::kCuda, [](const Array& x) {
  return running<cuda::ProductOp>("cumprod", x, /*reverse=*/false);
});

}  // namespace
}  // namespace rensa::kernels
