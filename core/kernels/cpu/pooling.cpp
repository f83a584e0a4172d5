#include "core/kernels/pooling.h"

#include <algorithm>
#include <vector>

#include "core/array/dispatch.h"
#include "core/kernels/cpu/half_precision.h"
#include "core/kernels/cpu/parallel.h"
#include "core/kernels/cpu/pooling_loops.h"

namespace rensa::kernels {
namespace {

/// Which of one axis, [begin, end).
struct Range {
  std::int64_t begin, end;
};

/// For each pixel of a result the box of the other side that goes into it.
struct Boxes {
  std::vector<Range> lines, columns;

  cpu::Box of(std::int64_t line, std::int64_t column) const {
    const Range &vertical = lines[static_cast<std::size_t>(line)],
                &horizontal = columns[static_cast<std::size_t>(column)];
    return {vertical.begin, vertical.end, horizontal.begin, horizontal.end};
  }
};

/// For each window the pixels that it covers.
Boxes pixels_of_windows(const PoolingGeometry& g, const Shape& x, const Shape& y) {
  const auto along = [&](std::size_t axis, std::int64_t pixels, std::int64_t windows) {
    std::vector<Range> ranges;
    for (std::int64_t i = 0; i < windows; ++i) {
      const std::int64_t first = i * g.stride[axis] - g.pad[axis];
      ranges.push_back({std::max<std::int64_t>(0, first), std::min(pixels, first + g.kernel[axis])});
    }
    return ranges;
  };
  return {along(0, x[2], y[2]), along(1, x[3], y[3])};
}

/// For each pixel the windows that cover it.
Boxes windows_of_pixels(const PoolingGeometry& g, const Shape& x, const Shape& y) {
  const auto along = [&](std::size_t axis, std::int64_t pixels, std::int64_t windows) {
    std::vector<Range> ranges;
    for (std::int64_t i = 0; i < pixels; ++i) {
      const std::int64_t from_start = i + g.pad[axis], beyond = from_start - g.kernel[axis];
      ranges.push_back(
          {beyond < 0 ? 0 : beyond / g.stride[axis] + 1, std::min(windows, from_start / g.stride[axis] + 1)});
    }
    return ranges;
  };
  return {along(0, x[2], y[2]), along(1, x[3], y[3])};
}

Array pictures(const Shape& shape, Dtype dtype) { return empty(shape, dtype, {}, Layout::kChannelsLast); }

/// The pictures of an array that lies channels-last.
template <class T>
class Pictures {
 public:
  explicit Pictures(const Array& x) : elements_(x.data<T>()), shape_(x.shape()) {}
  cpu::Picture<T> operator[](std::int64_t n) const { return {elements_ + first(n), shape_[3], shape_[1]}; }
  /// The number of the first element of picture n.
  std::int64_t first(std::int64_t n) const { return n * shape_[1] * shape_[2] * shape_[3]; }

 private:
  const T* elements_;
  Shape shape_;
};

/// Calls pixel(n, place, at, box) for every pixel of `shape`, on several threads: `place` is its number in picture n,
/// `at` that of its first element among all.
template <class Pixel>
void for_each_pixel(const Shape& shape, const PoolingGeometry& g, const Boxes& boxes, const Pixel& pixel) {
  const std::int64_t channels = shape[1], lines = shape[2], width = shape[3];
  cpu::for_each_block(
      shape[0] * lines,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
          const std::int64_t line = i % lines;
          for (std::int64_t column = 0; column < width; ++column) {
            pixel(i / lines, line * width + column, (i * width + column) * channels, boxes.of(line, column));
          }
        }
      },
      /*cost=*/4 * g.kernel[0] * g.kernel[1] * width * channels);
}

MaxPooled max_pooling_cpu(const Array& x, const PoolingGeometry& g, const Shape& y_shape) {
  const Array source = x.channels_last();
  MaxPooled result{pictures(y_shape, x.dtype()), pictures(y_shape, Dtype::kInt32)};
  dispatch_floating(x.dtype(), "max_pooling_2d", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Pictures<T> xs(source);
    T* const y = result.y.data<T>();
    std::int32_t* const places = result.places.data<std::int32_t>();
    for_each_pixel(
        y_shape, g, pixels_of_windows(g, x.shape(), y_shape),
        [&, &loops = cpu::pooling_loops<T>()](std::int64_t n, std::int64_t, std::int64_t at, const cpu::Box& pixels) {
          loops.largest(xs[n], pixels, y + at, places + at);
        });
  });
  return result;
}

Array scatter_cpu(const Array& gy, const Array& places, const PoolingGeometry& g, const Shape& x_shape) {
  const Array source = gy.channels_last();
  Array result = pictures(x_shape, gy.dtype());
  dispatch_floating(gy.dtype(), "max_pooling_2d", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Pictures<T> gys(source);
    const std::int32_t* const found = places.data<std::int32_t>();
    T* const gx = result.data<T>();
    for_each_pixel(x_shape, g, windows_of_pixels(g, x_shape, gy.shape()),
                   [&, &loops = cpu::pooling_loops<T>()](std::int64_t n, std::int64_t place, std::int64_t at,
                                                         const cpu::Box& windows) {
                     loops.sum_of_place(gys[n], found + gys.first(n), windows, static_cast<std::int32_t>(place),
                                        gx + at);
                   });
  });
  return result;
}

Array gather_cpu(const Array& x, const Array& places) {
  const Array source = x.channels_last();
  Array y = pictures(places.shape(), x.dtype());
  const Shape& shape = places.shape();
  const std::int64_t channels = shape[1], size = channels * shape[2] * shape[3];
  dispatch_floating(x.dtype(), "max_pooling_2d", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Pictures<T> xs(source);
    cpu::for_each_block(
        shape[0],
        [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t n = begin; n < end; ++n) {
            const T* from = xs[n].pixels;
            T* to = y.data<T>() + n * size;
            const std::int32_t* place = places.data<std::int32_t>() + n * size;
            for (std::int64_t i = 0; i < size; ++i) to[i] = from[place[i] * channels + i % channels];
          }
        },
        /*cost=*/8 * size);
  });
  return y;
}

/// The sum over each box, divided by a window's whole size.
Array averages(const Array& x, const PoolingGeometry& g, const Boxes& boxes, const Shape& shape) {
  const Array source = x.channels_last();
  Array result = pictures(shape, x.dtype());
  dispatch_floating(x.dtype(), "average_pooling_2d", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Pictures<T> xs(source);
    T* const y = result.data<T>();
    const T share = T(1) / static_cast<T>(g.kernel[0] * g.kernel[1]);
    for_each_pixel(
        shape, g, boxes,
        [&, &loops = cpu::pooling_loops<T>()](std::int64_t n, std::int64_t, std::int64_t at, const cpu::Box& box) {
          loops.sum(xs[n], box, share, y + at);
        });
  });
  return result;
}

Array average_pooling_cpu(const Array& x, const PoolingGeometry& g, const Shape& y_shape) {
  return averages(x, g, pixels_of_windows(g, x.shape(), y_shape), y_shape);
}

Array average_pooling_grad_cpu(const Array& gy, const PoolingGeometry& g, const Shape& x_shape) {
  return averages(gy, g, windows_of_pixels(g, x_shape, gy.shape()), x_shape);
}

constexpr DeviceKind kCpu = DeviceKind::kCpu;
const Implementation cpu_max_pooling(max_pooling, kCpu, cpu::in_float32<max_pooling_cpu>);
const Implementation cpu_scatter(max_pooling_scatter, kCpu, cpu::in_float32<scatter_cpu>);
const Implementation cpu_gather(max_pooling_gather, kCpu, cpu::in_float32<gather_cpu>);
const Implementation cpu_average_pooling(average_pooling, kCpu, cpu::in_float32<average_pooling_cpu>);
const Implementation cpu_average_pooling_grad(average_pooling_grad, kCpu, cpu::in_float32<average_pooling_grad_cpu>);

}  // namespace
}  // namespace rensa::kernels
