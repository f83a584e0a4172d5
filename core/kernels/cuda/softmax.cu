#include "core/kernels/softmax.h"

#include "core/kernels/cuda/block_sum.cuh"
#include "core/kernels/cuda/element.cuh"
#include "core/kernels/cuda/launch.h"

namespace rensa::kernels {
namespace {

using cuda::across_block;
using cuda::Computed;
using cuda::MaxOp;
using cuda::narrow;
using cuda::pointer;
using cuda::SumOp;
using cuda::widen;

// A block works on one line: its maximum, then the sum of exponentials, then the results. The line stays in the caches.

template <class T>
struct LineSums {
  Computed<T> maximum, sum;
};

template <class T>
__device__ LineSums<T> sums_of_line(const T* x, std::int64_t n) {
  using C = Computed<T>;
  C maximum = static_cast<C>(MaxOp::kStart);
  for (std::int64_t i = threadIdx.x; i < n; i += blockDim.x) maximum = MaxOp::join(maximum, widen(x[i]));
  maximum = across_block<MaxOp>(maximum);
  C sum = 0;
  for (std::int64_t i = threadIdx.x; i < n; i += blockDim.x) sum += std::exp(widen(x[i]) - maximum);
  return {maximum, across_block<SumOp>(sum)};
}

template <bool kLog, class T>
__global__ void softmax_kernel(const T* x, T* y, std::int64_t n) {
  x += blockIdx.x * n;
  y += blockIdx.x * n;
  const LineSums<T> s = sums_of_line(x, n);
  const Computed<T> factor = kLog ? std::log(s.sum) : 1 / s.sum;
  for (std::int64_t i = threadIdx.x; i < n; i += blockDim.x) {
    const Computed<T> v = widen(x[i]) - s.maximum;
    y[i] = narrow<T>(kLog ? v - factor : std::exp(v) * factor);
  }
}

template <bool kLog, class T>
__global__ void softmax_grad_kernel(const T* y, const T* gy, T* gx, std::int64_t n) {
  y += blockIdx.x * n;
  gy += blockIdx.x * n;
  gx += blockIdx.x * n;
  Computed<T> sum = 0;
  for (std::int64_t i = threadIdx.x; i < n; i += blockDim.x) sum += kLog ? widen(gy[i]) : widen(gy[i]) * widen(y[i]);
  sum = across_block<SumOp>(sum);
  for (std::int64_t i = threadIdx.x; i < n; i += blockDim.x) {
    const Computed<T> v = widen(y[i]), g = widen(gy[i]);
    gx[i] = narrow<T>(kLog ? g - std::exp(v) * sum : v * (g - sum));
  }
}

struct Targets {
  const void* t;
  bool wide;  ///< int64, else int32
  long long ignore_label;
  double smoothing;
  __device__ long long label(std::int64_t line) const {
    return wide ? static_cast<const long long*>(t)[line] : static_cast<const int*>(t)[line];
  }
};

/// A label out of range gives not-a-number: to throw, the host would have to wait in every step.
template <class T>
__global__ void cross_entropy_kernel(const T* x, Targets targets, T* loss, std::int64_t n) {
  using C = Computed<T>;
  const long long label = targets.label(blockIdx.x);
  if (label == targets.ignore_label || label < 0 || label >= n) {
    if (threadIdx.x == 0) loss[blockIdx.x] = narrow<T>(label == targets.ignore_label ? C(0) : static_cast<C>(NAN));
    return;
  }
  x += blockIdx.x * n;
  const LineSums<T> s = sums_of_line(x, n);
  const C smoothing = static_cast<C>(targets.smoothing);
  C target = (1 - smoothing) * (widen(x[label]) - s.maximum);
  if (smoothing > 0) {
    C sum = 0;
    for (std::int64_t i = threadIdx.x; i < n; i += blockDim.x) sum += widen(x[i]) - s.maximum;
    target += smoothing * across_block<SumOp>(sum) / static_cast<C>(n);
  }
  if (threadIdx.x == 0) loss[blockIdx.x] = narrow<T>(std::log(s.sum) - target);
}

template <class T>
__global__ void cross_entropy_grad_kernel(const T* x, Targets targets, const T* g, T* gx, std::int64_t n) {
  using C = Computed<T>;
  const long long label = targets.label(blockIdx.x);
  x += blockIdx.x * n;
  gx += blockIdx.x * n;
  if (label == targets.ignore_label || label < 0 || label >= n) {
    const C nothing = label == targets.ignore_label ? C(0) : static_cast<C>(NAN);
    for (std::int64_t i = threadIdx.x; i < n; i += blockDim.x) gx[i] = narrow<T>(nothing);
    return;
  }
  const LineSums<T> s = sums_of_line(x, n);
  const C share = 1 / s.sum, outer = widen(g[blockIdx.x]);
  const C smoothing = static_cast<C>(targets.smoothing), everywhere = smoothing / static_cast<C>(n);
  for (std::int64_t i = threadIdx.x; i < n; i += blockDim.x) {
    const C p = std::exp(widen(x[i]) - s.maximum) * share;
    gx[i] = narrow<T>(outer * (p - (i == label ? 1 - smoothing : C(0)) - everywhere));
  }
}

std::int64_t length_of(const Array& x) { return x.shape().back(); }
unsigned lines_of(const Array& x) { return x.size() == 0 ? 0 : static_cast<unsigned>(x.size() / length_of(x)); }

template <bool kLog>
Array softmax_cuda(const Array& x) {
  const Array y = empty(x.shape(), x.dtype(), x.device());
  const std::int64_t n = length_of(x);
  cuda::dispatch_floating(x.dtype(), "softmax", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (x.size() == 0) return;
    softmax_kernel<kLog>
        <<<lines_of(x), cuda::threads_for_row(n), 0, cuda::stream_for(x)>>>(pointer<const T>(x), pointer<T>(y), n);
    cuda::check_launch("softmax");
  });
  return y;
}

template <bool kLog>
Array softmax_grad_cuda(const Array& y, const Array& gy) {
  const Array gx = empty(y.shape(), y.dtype(), y.device());
  const std::int64_t n = length_of(y);
  cuda::dispatch_floating(y.dtype(), "softmax_grad", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (y.size() == 0) return;
    softmax_grad_kernel<kLog><<<lines_of(y), cuda::threads_for_row(n), 0, cuda::stream_for(y)>>>(
        pointer<const T>(y), pointer<const T>(gy), pointer<T>(gx), n);
    cuda::check_launch("softmax_grad");
  });
  return gx;
}

Targets on_device(const ClassTargets& targets, const Array& x) {
  if (targets.t.device() != x.device()) {
    throw DeviceError("softmax_cross_entropy: x is on ", x.device(), ", the labels are on ", targets.t.device(),
                      ". Move them with to(device).");
  }
  if (targets.t.dtype() != Dtype::kInt32 && targets.t.dtype() != Dtype::kInt64) {
    throw DtypeError("softmax_cross_entropy: labels are ", targets.t.dtype(), ", expected int32 or int64.");
  }
  return {targets.t.raw_data(), targets.t.dtype() == Dtype::kInt64, targets.ignore_label, targets.label_smoothing};
}

/// The gradient works out the lines' sums again: it reads the lines anyway.
std::array<Array, 2> cross_entropy_cuda(const Array& x, const ClassTargets& targets) {
  const Array losses = empty(targets.t.shape(), x.dtype(), x.device());
  const std::int64_t n = length_of(x);
  const Targets t = on_device(targets, x);
  cuda::dispatch_floating(x.dtype(), "softmax_cross_entropy", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (x.size() == 0) return;
    cross_entropy_kernel<<<lines_of(x), cuda::threads_for_row(n), 0, cuda::stream_for(x)>>>(pointer<const T>(x), t,
                                                                                            pointer<T>(losses), n);
    cuda::check_launch("softmax_cross_entropy");
  });
  return {losses, Array()};
}

Array cross_entropy_grad_cuda(const Array& x, const ClassTargets& targets, const Array& g, const Array&) {
  const Array gx = empty(x.shape(), x.dtype(), x.device());
  const std::int64_t n = length_of(x);
  const Targets t = on_device(targets, x);
  cuda::dispatch_floating(x.dtype(), "softmax_cross_entropy", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (x.size() == 0) return;
    cross_entropy_grad_kernel<<<lines_of(x), cuda::threads_for_row(n), 0, cuda::stream_for(x)>>>(
        pointer<const T>(x), t, pointer<const T>(g), pointer<T>(gx), n);
    cuda::check_launch("softmax_cross_entropy_grad");
  });
  return gx;
}

constexpr DeviceKind kCuda = DeviceKind::kCuda;
const Implementation cuda_softmax(softmax, kCuda, softmax_cuda<false>);
const Implementation cuda_log_softmax(log_softmax, kCuda, softmax_cuda<true>);
const Implementation cuda_softmax_grad(softmax_grad, kCuda, softmax_grad_cuda<false>);
const Implementation cuda_log_softmax_grad(log_softmax_grad, kCuda, softmax_grad_cuda<true>);
const Implementation cuda_cross_entropy(softmax_cross_entropy, kCuda, cross_entropy_cuda);
const Implementation cuda_cross_entropy_grad(softmax_cross_entropy_grad, kCuda, cross_entropy_grad_cuda);

}  // namespace
}  // namespace rensa::kernels
