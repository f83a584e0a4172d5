#include "core/kernels/cuda/convolution_epilogue.h"

#include "core/kernels/cuda/element.cuh"
#include "core/kernels/cuda/launch.h"
#include "core/kernels/cuda/strided.h"

namespace rensa::cuda {
namespace {

template <class T>
__global__ void finish_kernel(T* y, const T* bias, const T* residual, bool relu, Strided<3> places) {
  const auto threads = static_cast<std::uint32_t>(gridDim.x) * blockDim.x;
  for (std::uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < places.count; i += threads) {
    const auto at = places.offsets(i);
    Computed<T> v = widen(y[at.at[0]]);
    if (bias) v += widen(bias[at.at[1]]);
    if (residual) v += widen(residual[at.at[2]]);
    y[at.at[0]] = narrow<T>(relu && v < 0 ? Computed<T>(0) : v);
  }
}

/// Axes in the order in which a channels-last array lies, so that neighbouring threads have neighbouring elements.
Array in_memory_order(const Array& x) { return x.transpose({0, 2, 3, 1}); }

}  // namespace

void finish_convolution(const Array& y, const Array& bias, const Array& residual, bool relu) {
  const Array numbers = bias ? bias.reshape({1, bias.size(), 1, 1}).broadcast_to(y.shape()) : y;
  const bool last = y.is_channels_last();
  const auto ordered = [&](const Array& x) { return last ? in_memory_order(x) : x; };
  dispatch_floating(y.dtype(), "convolution", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for_each_part(
        [&](const Array& to, const Array& b, const Array& r) {
          finish_kernel<<<blocks_for(to.size()), kThreads, 0, stream_for(to)>>>(
              pointer<T>(to), bias ? pointer<const T>(b) : nullptr, residual ? pointer<const T>(r) : nullptr, relu,
              Strided<3>(to.shape(), {to.strides(), b.strides(), r.strides()}));
          check_launch("convolution");
        },
        ordered(y), ordered(numbers), ordered(residual ? residual : y));
  });
}

}  // namespace rensa::cuda
