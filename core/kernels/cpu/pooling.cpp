#include "core/kernels/pooling.h"

#include <algorithm>
#include <limits>

#include "core/array/dispatch.h"
#include "core/kernels/cpu/half_precision.h"
#include "core/kernels/cpu/parallel.h"

namespace rensa::kernels {
namespace {

/// The pixels of the input that one window covers.
struct Window {
  std::int64_t top, bottom, left, right;
  Window(const PoolingGeometry& g, std::int64_t oy, std::int64_t ox, std::int64_t height, std::int64_t width)
      : top(std::max<std::int64_t>(0, oy * g.stride[0] - g.pad[0])),
        bottom(std::min(height, oy * g.stride[0] - g.pad[0] + g.kernel[0])),
        left(std::max<std::int64_t>(0, ox * g.stride[1] - g.pad[1])),
        right(std::min(width, ox * g.stride[1] - g.pad[1] + g.kernel[1])) {}
};

Array pictures(const Shape& shape, Dtype dtype) { return empty(shape, dtype, {}, Layout::kChannelsLast); }

/// Calls line(n, oy) for every line of the output, on several threads.
template <class Line>
void for_each_line(const Shape& y, std::int64_t cost_of_pixel, const Line& line) {
  cpu::for_each_block(
      y[0] * y[2],
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) line(i / y[2], i % y[2]);
      },
      /*cost=*/cost_of_pixel * y[3] * y[1]);
}

/// Calls picture(n): where several windows write one pixel, a picture belongs to one thread.
template <class Picture>
void for_each_picture(const Shape& y, const Picture& picture) {
  cpu::for_each_block(
      y[0],
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n) picture(n);
      },
      /*cost=*/8 * y[1] * y[2] * y[3]);
}

template <class T>
void largest_of_window(const T* picture, const Window& w, std::int64_t width, std::int64_t channels, T* y,
                       std::int32_t* places) {
  bool first = true;
  for (std::int64_t iy = w.top; iy < w.bottom; ++iy) {
    for (std::int64_t ix = w.left; ix < w.right; ++ix) {
      const T* pixel = picture + (iy * width + ix) * channels;
      const auto place = static_cast<std::int32_t>(iy * width + ix);
      if (first) {
        std::copy_n(pixel, channels, y);
        std::fill_n(places, channels, place);
        first = false;
        continue;
      }
      for (std::int64_t c = 0; c < channels; ++c) {
        const bool larger = pixel[c] > y[c] || pixel[c] != pixel[c];  // not-a-number wins
        y[c] = larger ? pixel[c] : y[c];
        places[c] = larger ? place : places[c];
      }
    }
  }
}

MaxPooled max_pooling_cpu(const Array& x, const PoolingGeometry& g, const Shape& y_shape) {
  const Array source = x.channels_last();
  MaxPooled result{pictures(y_shape, x.dtype()), pictures(y_shape, Dtype::kInt32)};
  const std::int64_t channels = x.shape()[1], height = x.shape()[2], width = x.shape()[3];
  dispatch_floating(x.dtype(), "max_pooling_2d", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for_each_line(y_shape, 4 * g.kernel[0] * g.kernel[1], [&](std::int64_t n, std::int64_t oy) {
      const T* picture = source.data<T>() + n * height * width * channels;
      for (std::int64_t ox = 0; ox < y_shape[3]; ++ox) {
        const std::int64_t at = ((n * y_shape[2] + oy) * y_shape[3] + ox) * channels;
        largest_of_window(picture, Window(g, oy, ox, height, width), width, channels, result.y.data<T>() + at,
                          result.places.data<std::int32_t>() + at);
      }
    });
  });
  return result;
}

Array scatter_cpu(const Array& gy, const Array& places, const PoolingGeometry&, const Shape& x_shape) {
  const Array source = gy.channels_last();
  Array gx = pictures(x_shape, gy.dtype());
  const std::int64_t channels = x_shape[1], pixels = gy.shape()[2] * gy.shape()[3],
                     size = x_shape[2] * x_shape[3] * channels;
  dispatch_floating(gy.dtype(), "max_pooling_2d", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for_each_picture(gy.shape(), [&](std::int64_t n) {
      T* to = gx.data<T>() + n * size;
      std::fill_n(to, size, T(0));
      const T* from = source.data<T>() + n * pixels * channels;
      const std::int32_t* place = places.data<std::int32_t>() + n * pixels * channels;
      for (std::int64_t p = 0; p < pixels; ++p, from += channels, place += channels) {
        for (std::int64_t c = 0; c < channels; ++c) to[place[c] * channels + c] += from[c];
      }
    });
  });
  return gx;
}

Array gather_cpu(const Array& x, const Array& places) {
  const Array source = x.channels_last();
  Array y = pictures(places.shape(), x.dtype());
  const Shape& shape = places.shape();
  const std::int64_t channels = shape[1], pixels = shape[2] * shape[3],
                     size = x.size() / std::max<std::int64_t>(1, shape[0]);
  dispatch_floating(x.dtype(), "max_pooling_2d", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for_each_picture(shape, [&](std::int64_t n) {
      const T* from = source.data<T>() + n * size;
      T* to = y.data<T>() + n * pixels * channels;
      const std::int32_t* place = places.data<std::int32_t>() + n * pixels * channels;
      for (std::int64_t i = 0; i < pixels * channels; ++i) to[i] = from[place[i] * channels + i % channels];
    });
  });
  return y;
}

Array average_pooling_cpu(const Array& x, const PoolingGeometry& g, const Shape& y_shape) {
  const Array source = x.channels_last();
  Array y = pictures(y_shape, x.dtype());
  const std::int64_t channels = x.shape()[1], height = x.shape()[2], width = x.shape()[3];
  dispatch_floating(x.dtype(), "average_pooling_2d", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T share = T(1) / static_cast<T>(g.kernel[0] * g.kernel[1]);
    for_each_line(y_shape, 4 * g.kernel[0] * g.kernel[1], [&](std::int64_t n, std::int64_t oy) {
      for (std::int64_t ox = 0; ox < y_shape[3]; ++ox) {
        T* to = y.data<T>() + ((n * y_shape[2] + oy) * y_shape[3] + ox) * channels;
        std::fill_n(to, channels, T(0));
        const Window w(g, oy, ox, height, width);
        for (std::int64_t iy = w.top; iy < w.bottom; ++iy) {
          for (std::int64_t ix = w.left; ix < w.right; ++ix) {
            const T* pixel = source.data<T>() + ((n * height + iy) * width + ix) * channels;
            for (std::int64_t c = 0; c < channels; ++c) to[c] += pixel[c];
          }
        }
        for (std::int64_t c = 0; c < channels; ++c) to[c] *= share;
      }
    });
  });
  return y;
}

Array average_pooling_grad_cpu(const Array& gy, const PoolingGeometry& g, const Shape& x_shape) {
  const Array source = gy.channels_last();
  Array gx = pictures(x_shape, gy.dtype());
  const std::int64_t channels = x_shape[1], height = x_shape[2], width = x_shape[3];
  const Shape& y_shape = gy.shape();
  dispatch_floating(gy.dtype(), "average_pooling_2d", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T share = T(1) / static_cast<T>(g.kernel[0] * g.kernel[1]);
    for_each_picture(y_shape, [&](std::int64_t n) {
      T* picture = gx.data<T>() + n * height * width * channels;
      std::fill_n(picture, height * width * channels, T(0));
      for (std::int64_t o = 0; o < y_shape[2] * y_shape[3]; ++o) {
        const T* from = source.data<T>() + (n * y_shape[2] * y_shape[3] + o) * channels;
        const Window w(g, o / y_shape[3], o % y_shape[3], height, width);
        for (std::int64_t iy = w.top; iy < w.bottom; ++iy) {
          for (std::int64_t ix = w.left; ix < w.right; ++ix) {
            T* pixel = picture + (iy * width + ix) * channels;
            for (std::int64_t c = 0; c < channels; ++c) pixel[c] += from[c] * share;
          }
        }
      }
    });
  });
  return gx;
}

constexpr DeviceKind kCpu = DeviceKind::kCpu;
const Implementation cpu_max_pooling(max_pooling, kCpu, cpu::in_float32<max_pooling_cpu>);
const Implementation cpu_scatter(max_pooling_scatter, kCpu, cpu::in_float32<scatter_cpu>);
const Implementation cpu_gather(max_pooling_gather, kCpu, cpu::in_float32<gather_cpu>);
const Implementation cpu_average_pooling(average_pooling, kCpu, cpu::in_float32<average_pooling_cpu>);
const Implementation cpu_average_pooling_grad(average_pooling_grad, kCpu, cpu::in_float32<average_pooling_grad_cpu>);

}  // namespace
}  // namespace rensa::kernels
