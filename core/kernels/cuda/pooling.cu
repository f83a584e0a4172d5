#include "core/kernels/pooling.h"

#include "core/kernels/cuda/element.cuh"
#include "core/kernels/cuda/launch.h"

namespace rensa::kernels {
namespace {

using cuda::blocks_for;
using cuda::Computed;
using cuda::kThreads;
using cuda::narrow;
using cuda::pointer;
using cuda::widen;

// Pictures lie channels-last. A thread has one element of the result; neighbours have neighbouring channels.

struct Sizes {
  int kernel[2], stride[2], pad[2];
  std::int64_t channels, height, width;  ///< of x
  std::int64_t rows, columns;            ///< of y
  Sizes(const PoolingGeometry& g, const Shape& x, const Shape& y)
      : channels(x[1]), height(x[2]), width(x[3]), rows(y[2]), columns(y[3]) {
    for (std::size_t a = 0; a < 2; ++a) {
      kernel[a] = static_cast<int>(g.kernel[a]);
      stride[a] = static_cast<int>(g.stride[a]);
      pad[a] = static_cast<int>(g.pad[a]);
    }
  }
};

/// An element of (N, rows, columns, channels).
struct Place {
  std::int64_t n, row, column, channel;
  __device__ Place(std::int64_t index, std::int64_t rows, std::int64_t columns, std::int64_t channels) {
    channel = index % channels;
    index /= channels;
    column = index % columns;
    index /= columns;
    row = index % rows;
    n = index / rows;
  }
};

/// [first, last) of what one window covers, or of the windows that cover one pixel.
struct Range {
  std::int64_t first, last;
};
__device__ Range pixels_of(std::int64_t window, int kernel, int stride, int pad, std::int64_t size) {
  const std::int64_t start = window * stride - pad;
  return {start < 0 ? 0 : start, start + kernel < size ? start + kernel : size};
}
__device__ Range windows_of(std::int64_t pixel, int kernel, int stride, int pad, std::int64_t windows) {
  const std::int64_t after =
      pixel + pad - kernel;  // the last window that ends before the pixel starts no later than here
  const std::int64_t last = (pixel + pad) / stride + 1;
  return {after < 0 ? 0 : after / stride + 1, last < windows ? last : windows};
}

template <class T>
__global__ void max_pooling_kernel(const T* x, T* y, std::int32_t* places, std::int64_t count, Sizes s) {
  const std::int64_t step = gridDim.x * static_cast<std::int64_t>(blockDim.x);
  for (std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; i < count; i += step) {
    const Place at(i, s.rows, s.columns, s.channels);
    const Range down = pixels_of(at.row, s.kernel[0], s.stride[0], s.pad[0], s.height);
    const Range across = pixels_of(at.column, s.kernel[1], s.stride[1], s.pad[1], s.width);
    const T* picture = x + at.n * s.height * s.width * s.channels + at.channel;
    Computed<T> best = 0;
    std::int64_t place = -1;
    for (std::int64_t iy = down.first; iy < down.last; ++iy) {
      for (std::int64_t ix = across.first; ix < across.last; ++ix) {
        const std::int64_t pixel = iy * s.width + ix;
        const Computed<T> value = widen(picture[pixel * s.channels]);
        if (place >= 0 && !(value > best || value != value)) continue;  // not-a-number wins
        best = value;
        place = pixel;
      }
    }
    y[i] = narrow<T>(best);
    places[i] = static_cast<std::int32_t>(place);
  }
}

/// Each pixel asks the windows that cover it, in their order: no atomics, the same bits every time.
template <class T>
__global__ void max_pooling_scatter_kernel(const T* gy, const std::int32_t* places, T* gx, std::int64_t count,
                                           Sizes s) {
  const std::int64_t step = gridDim.x * static_cast<std::int64_t>(blockDim.x);
  for (std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; i < count; i += step) {
    const Place at(i, s.height, s.width, s.channels);
    const Range down = windows_of(at.row, s.kernel[0], s.stride[0], s.pad[0], s.rows);
    const Range across = windows_of(at.column, s.kernel[1], s.stride[1], s.pad[1], s.columns);
    const std::int64_t pixel = at.row * s.width + at.column;
    Computed<T> sum = 0;
    for (std::int64_t oy = down.first; oy < down.last; ++oy) {
      for (std::int64_t ox = across.first; ox < across.last; ++ox) {
        const std::int64_t window = ((at.n * s.rows + oy) * s.columns + ox) * s.channels + at.channel;
        if (places[window] == pixel) sum += widen(gy[window]);
      }
    }
    gx[i] = narrow<T>(sum);
  }
}

template <class T>
__global__ void max_pooling_gather_kernel(const T* x, const std::int32_t* places, T* y, std::int64_t count,
                                          std::int64_t windows, std::int64_t pixels, std::int64_t channels) {
  const std::int64_t step = gridDim.x * static_cast<std::int64_t>(blockDim.x);
  for (std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; i < count; i += step) {
    const std::int64_t n = i / (windows * channels);
    y[i] = x[(n * pixels + places[i]) * channels + i % channels];
  }
}

template <class T>
__global__ void average_pooling_kernel(const T* x, T* y, std::int64_t count, Sizes s) {
  const std::int64_t step = gridDim.x * static_cast<std::int64_t>(blockDim.x);
  const auto share = Computed<T>(1) / static_cast<Computed<T>>(s.kernel[0] * s.kernel[1]);
  for (std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; i < count; i += step) {
    const Place at(i, s.rows, s.columns, s.channels);
    const Range down = pixels_of(at.row, s.kernel[0], s.stride[0], s.pad[0], s.height);
    const Range across = pixels_of(at.column, s.kernel[1], s.stride[1], s.pad[1], s.width);
    const T* picture = x + at.n * s.height * s.width * s.channels + at.channel;
    Computed<T> sum = 0;
    for (std::int64_t iy = down.first; iy < down.last; ++iy) {
      for (std::int64_t ix = across.first; ix < across.last; ++ix)
        sum += widen(picture[(iy * s.width + ix) * s.channels]);
    }
    y[i] = narrow<T>(sum * share);
  }
}

template <class T>
__global__ void average_pooling_grad_kernel(const T* gy, T* gx, std::int64_t count, Sizes s) {
  const std::int64_t step = gridDim.x * static_cast<std::int64_t>(blockDim.x);
  const auto share = Computed<T>(1) / static_cast<Computed<T>>(s.kernel[0] * s.kernel[1]);
  for (std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; i < count; i += step) {
    const Place at(i, s.height, s.width, s.channels);
    const Range down = windows_of(at.row, s.kernel[0], s.stride[0], s.pad[0], s.rows);
    const Range across = windows_of(at.column, s.kernel[1], s.stride[1], s.pad[1], s.columns);
    Computed<T> sum = 0;
    for (std::int64_t oy = down.first; oy < down.last; ++oy) {
      for (std::int64_t ox = across.first; ox < across.last; ++ox) {
        sum += widen(gy[((at.n * s.rows + oy) * s.columns + ox) * s.channels + at.channel]) * share;
      }
    }
    gx[i] = narrow<T>(sum);
  }
}

Array pictures(const Shape& shape, Dtype dtype, const Array& like) {
  return empty(shape, dtype, like.device(), Layout::kChannelsLast);
}

MaxPooled max_pooling_cuda(const Array& x, const PoolingGeometry& g, const Shape& y_shape) {
  const Array source = x.channels_last();
  const MaxPooled result{pictures(y_shape, x.dtype(), x), pictures(y_shape, Dtype::kInt32, x)};
  cuda::dispatch_floating(x.dtype(), "max_pooling_2d", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const std::int64_t count = result.y.size();
    if (count == 0) return;
    max_pooling_kernel<<<blocks_for(count), kThreads, 0, cuda::stream_for(x)>>>(
        pointer<const T>(source), pointer<T>(result.y), pointer<std::int32_t>(result.places), count,
        Sizes(g, x.shape(), y_shape));
    cuda::check_launch("max_pooling_2d");
  });
  return result;
}

Array scatter_cuda(const Array& gy, const Array& places, const PoolingGeometry& g, const Shape& x_shape) {
  const Array source = gy.channels_last(), at = places.channels_last(), gx = pictures(x_shape, gy.dtype(), gy);
  cuda::dispatch_floating(gy.dtype(), "max_pooling_2d", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (gx.size() == 0) return;
    max_pooling_scatter_kernel<<<blocks_for(gx.size()), kThreads, 0, cuda::stream_for(gy)>>>(
        pointer<const T>(source), pointer<const std::int32_t>(at), pointer<T>(gx), gx.size(),
        Sizes(g, x_shape, gy.shape()));
    cuda::check_launch("max_pooling_2d_grad");
  });
  return gx;
}

Array gather_cuda(const Array& x, const Array& places) {
  const Array source = x.channels_last(), at = places.channels_last(), y = pictures(places.shape(), x.dtype(), x);
  const Shape& shape = places.shape();
  cuda::dispatch_floating(x.dtype(), "max_pooling_2d", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (y.size() == 0) return;
    max_pooling_gather_kernel<<<blocks_for(y.size()), kThreads, 0, cuda::stream_for(x)>>>(
        pointer<const T>(source), pointer<const std::int32_t>(at), pointer<T>(y), y.size(), shape[2] * shape[3],
        x.shape()[2] * x.shape()[3], shape[1]);
    cuda::check_launch("max_pooling_2d");
  });
  return y;
}

Array average_pooling_cuda(const Array& x, const PoolingGeometry& g, const Shape& y_shape) {
  const Array source = x.channels_last(), y = pictures(y_shape, x.dtype(), x);
  cuda::dispatch_floating(x.dtype(), "average_pooling_2d", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (y.size() == 0) return;
    average_pooling_kernel<<<blocks_for(y.size()), kThreads, 0, cuda::stream_for(x)>>>(
        pointer<const T>(source), pointer<T>(y), y.size(), Sizes(g, x.shape(), y_shape));
    cuda::check_launch("average_pooling_2d");
  });
  return y;
}

Array average_pooling_grad_cuda(const Array& gy, const PoolingGeometry& g, const Shape& x_shape) {
  const Array source = gy.channels_last(), gx = pictures(x_shape, gy.dtype(), gy);
  cuda::dispatch_floating(gy.dtype(), "average_pooling_2d", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (gx.size() == 0) return;
    average_pooling_grad_kernel<<<blocks_for(gx.size()), kThreads, 0, cuda::stream_for(gy)>>>(
        pointer<const T>(source), pointer<T>(gx), gx.size(), Sizes(g, x_shape, gy.shape()));
    cuda::check_launch("average_pooling_2d_grad");
  });
  return gx;
}

constexpr DeviceKind kCuda = DeviceKind::kCuda;
const Implementation cuda_max_pooling(max_pooling, kCuda, max_pooling_cuda);
const Implementation cuda_scatter(max_pooling_scatter, kCuda, scatter_cuda);
const Implementation cuda_gather(max_pooling_gather, kCuda, gather_cuda);
const Implementation cuda_average_pooling(average_pooling, kCuda, average_pooling_cuda);
const Implementation cuda_average_pooling_grad(average_pooling_grad, kCuda, average_pooling_grad_cuda);

}  // namespace
}  // namespace rensa::kernels
