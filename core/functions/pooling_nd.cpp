#include "core/functions/pooling_nd.h"

#include <algorithm>

#include "core/array/dispatch.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/constants.h"
#include "core/functions/pooling.h"
#include "core/functions/positions.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "core/functions/windows.h"

namespace rensa::functions {
namespace {

int spatial_axes(const char* name, const Shape& x, int expected) {
  const int axes = x.ndim() - 2;
  if (axes < 1 || (expected > 0 && axes != expected))
    throw ShapeError(name, ": expected x (batch, C, …), found ", x, ".");
  return axes;
}

std::vector<WindowAxis> axes_of(const char* name, const Shape& x, const EachAxis& kernel, const EachAxis& stride,
                                const EachAxis& pad, bool cover_all) {
  const int axes = x.ndim() - 2;
  const auto kernels = each_axis(name, kernel, axes, 2), pads = each_axis(name, pad, axes, 0);
  const auto strides = stride.empty() ? kernels : each_axis(name, stride, axes, 1);
  std::vector<WindowAxis> result;
  for (int i = 0; i < axes; ++i) {
    const auto a = static_cast<std::size_t>(i);
    result.push_back({x[i + 2], kernels[a], strides[a], pads[a], 1, cover_all});
  }
  return result;
}

/// x's batch and channels, then the number of windows along each axis.
Shape pooled_shape(const char* name, const Shape& x, const std::vector<WindowAxis>& axes) {
  Shape y = {x[0], x[1]};
  for (const WindowAxis& axis : axes) {
    y.push_back(axis.count(name));
    if (axis.size == 0 || axis.pad >= axis.kernel || (y.back() - 1) * axis.stride - axis.pad >= axis.size) {
      throw ShapeError(name, ": a window of ", axis.kernel, " (pad ", axis.pad, ", stride ", axis.stride,
                       ") covers none of the ", axis.size, " elements of x ", x, ".");
    }
  }
  return y;
}

std::int64_t plane_size(const Shape& x) {
  std::int64_t size = 1;
  for (int i = 2; i < x.ndim(); ++i) size *= x[i];
  return size;
}

/// The position in its window of the first largest element, for each plane and window: (planes, windows).
Array largest_of_windows(const char* name, const Array& x, const Array& places) {
  const Array planes = (is_half(x.dtype()) ? x.to(Dtype::kFloat32) : x)
                           .contiguous()
                           .reshape({x.shape()[0] * x.shape()[1], plane_size(x.shape())});
  const std::int64_t count = planes.shape()[0], size = planes.shape()[1], windows = places.shape()[0],
                     elements = places.shape()[1];
  Array best = empty({count, windows}, Dtype::kInt64);
  const std::int64_t* at = places.data<std::int64_t>();
  dispatch_floating(planes.dtype(), name, [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (std::int64_t i = 0; i < best.size(); ++i) {
      const T* plane = planes.data<T>() + i / windows * size;
      const std::int64_t* window = at + i % windows * elements;
      std::int64_t largest = -1;
      for (std::int64_t e = 0; e < elements; ++e) {
        if (window[e] < 0) continue;
        const T value = plane[window[e]];
        if (largest < 0 || value > plane[window[largest]] ||
            (value != value && plane[window[largest]] == plane[window[largest]]))
          largest = e;
      }
      best.data<std::int64_t>()[i] = largest;
    }
  });
  return best;
}

/// Row-major positions in (planes, size) of element best[plane, window] of each window.
Array positions_of(const Array& best, const Array& places, std::int64_t size) {
  const std::int64_t windows = places.shape()[0], elements = places.shape()[1];
  Array positions = empty(best.shape(), Dtype::kInt64);
  for (std::int64_t i = 0; i < positions.size(); ++i) {
    const std::int64_t place = places.data<std::int64_t>()[i % windows * elements + best.data<std::int64_t>()[i]];
    positions.data<std::int64_t>()[i] = place < 0 ? -1 : i / windows * size + place;
  }
  return positions;
}

Variable max_pooling(const char* name, const Variable& x, const EachAxis& kernel, const PoolingNdOptions& o,
                     int expected) {
  spatial_axes(name, x.shape(), expected);
  check_on_host(name, x.array());
  const auto axes = axes_of(name, x.shape(), kernel, o.stride, o.pad, o.cover_all);
  const Shape y_shape = pooled_shape(name, x.shape(), axes);
  const Array places = window_places(name, axes), largest = largest_of_windows(name, x.array(), places);
  return take_positions(name, x, positions_of(largest, places, plane_size(x.shape())).reshape(y_shape));
}

/// 1 / the elements of each window that are not padding, from its places (windows, elements).
Array shares_of_elements(const Array& places) {
  const std::int64_t elements = places.shape()[1];
  Array shares = empty({places.shape()[0]}, Dtype::kFloat64);
  for (std::int64_t w = 0; w < shares.size(); ++w) {
    const std::int64_t* window = places.data<std::int64_t>() + w * elements;
    const auto inside = std::count_if(window, window + elements, [](std::int64_t place) { return place >= 0; });
    shares.data<double>()[w] = 1 / static_cast<double>(inside);
  }
  return shares;
}

Variable average_pooling(const char* name, const Variable& x, const EachAxis& kernel, const PoolingNdOptions& o,
                         int expected) {
  if (is_half(x.dtype())) {  // the sum may be beyond float16's range where the mean is not
    return cast(average_pooling(name, cast(x, Dtype::kFloat32), kernel, o, expected), x.dtype());
  }
  spatial_axes(name, x.shape(), expected);
  if (o.pad_value.value_or(0) != 0) {
    throw ValueError(name, ": pad_value is ", *o.pad_value, ", expected 0, or none so that padding does not count.");
  }
  const auto axes = axes_of(name, x.shape(), kernel, o.stride, o.pad, /*cover_all=*/false);
  const Shape y_shape = pooled_shape(name, x.shape(), axes);
  const Array places = window_places(name, axes);
  const std::int64_t planes = x.shape()[0] * x.shape()[1], windows = places.shape()[0], elements = places.shape()[1];
  const Variable seen = take_rows_at(reshape(x, {planes, plane_size(x.shape())}), places.reshape({places.size()}), 1);
  const Variable in_windows = reshape(seen, {planes, windows, elements});
  if (o.pad_value) return reshape(mean(in_windows, {2}), y_shape);
  return reshape(sum(in_windows, {2}) * constant_like(x, shares_of_elements(places)), y_shape);
}

/// The windows of an unpooled array, whose windows x's elements are.
std::vector<WindowAxis> unpooled_axes(const char* name, const Shape& x, const EachAxis& kernel,
                                      const UnpoolingOptions& o) {
  std::vector<WindowAxis> axes = axes_of(name, x, kernel, o.stride, o.pad, o.cover_all);
  const auto outsize = each_axis(name, o.outsize, x.ndim() - 2, -1);
  for (std::size_t a = 0; a < axes.size(); ++a) {
    const std::int64_t size = axes[a].size;
    const std::int64_t natural =
        axes[a].stride * (size - 1) + axes[a].kernel - 2 * axes[a].pad + (o.cover_all ? 1 - axes[a].stride : 0);
    axes[a].size = outsize[a] < 0 ? natural : outsize[a];
    if (axes[a].count(name) != size) {
      throw ShapeError(name, ": an output of ", axes[a].size, " has ", axes[a].count(name),
                       " windows along spatial axis ", a, ", x ", x, " has ", size, ".");
    }
  }
  return axes;
}

Shape unpooled_shape(const Shape& x, const std::vector<WindowAxis>& axes) {
  Shape y = {x[0], x[1]};
  for (const WindowAxis& axis : axes) y.push_back(axis.size);
  return y;
}

Variable unpooling(const char* name, const Variable& x, const EachAxis& kernel, const UnpoolingOptions& o,
                   int expected) {
  spatial_axes(name, x.shape(), expected);
  const auto axes = unpooled_axes(name, x.shape(), kernel, o);
  const Shape y_shape = unpooled_shape(x.shape(), axes);
  const Array places = window_places(name, axes);
  const std::int64_t planes = x.shape()[0] * x.shape()[1], windows = places.shape()[0], elements = places.shape()[1];
  const Variable spread = broadcast_to(reshape(x, {planes, windows, 1}), {planes, windows, elements});
  const Variable y = add_rows_at(reshape(spread, {planes, windows * elements}), places.reshape({places.size()}), 1,
                                 plane_size(y_shape));
  return reshape(y, y_shape);
}

/// One axis of a level of the pyramid: windows of one length beside each other, `pad` elements of the first outside.
struct Bins {
  std::int64_t size, count, length, pad;
  Bins(std::int64_t s, std::int64_t n) : size(s), count(n), length((s + n - 1) / n), pad((length * n - s) / 2) {}

  /// Whether each window holds an element of the picture.
  bool hold_elements() const { return pad < length && (count - 1) * length - pad < size; }
};

/// The largest elements of `count` equal parts of an axis, which begin at the floor and end at the ceiling, so that
/// each holds one.
Variable largest_of_parts(const Variable& x, int axis, std::int64_t count) {
  const std::int64_t size = x.shape()[axis];
  Variables parts;
  for (std::int64_t i = 0; i < count; ++i) {
    const Slice part{.start = i * size / count, .stop = ((i + 1) * size + count - 1) / count};
    parts.push_back(max(slice(x, axis, part), {axis}, /*keepdims=*/true));
  }
  return concat(parts, axis);
}

Variable pyramid_level(const Variable& x, std::int64_t count) {
  const Bins rows(x.shape()[2], count), columns(x.shape()[3], count);
  const bool by_rows = rows.hold_elements(), by_columns = columns.hold_elements();
  Variable y = by_rows ? x : largest_of_parts(x, 2, count);
  if (!by_columns) y = largest_of_parts(y, 3, count);
  if (!by_rows && !by_columns) return y;
  PoolingOptions o;
  o.kernel = {by_rows ? rows.length : 1, by_columns ? columns.length : 1};
  o.pad = {by_rows ? rows.pad : 0, by_columns ? columns.pad : 0};
  return max_pooling_2d(y, o);
}

}  // namespace

Variable max_pooling_nd(const Variable& x, const EachAxis& kernel, const PoolingNdOptions& options) {
  return max_pooling("max_pooling_nd", x, kernel, options, 0);
}
Variable max_pooling_1d(const Variable& x, std::int64_t kernel, const PoolingNdOptions& options) {
  return max_pooling("max_pooling_1d", x, {kernel}, options, 1);
}
Variable max_pooling_3d(const Variable& x, const EachAxis& kernel, const PoolingNdOptions& options) {
  return max_pooling("max_pooling_3d", x, kernel, options, 3);
}
Variable average_pooling_nd(const Variable& x, const EachAxis& kernel, const PoolingNdOptions& options) {
  return average_pooling("average_pooling_nd", x, kernel, options, 0);
}
Variable average_pooling_1d(const Variable& x, std::int64_t kernel, const PoolingNdOptions& options) {
  return average_pooling("average_pooling_1d", x, {kernel}, options, 1);
}
Variable average_pooling_3d(const Variable& x, const EachAxis& kernel, const PoolingNdOptions& options) {
  return average_pooling("average_pooling_3d", x, kernel, options, 3);
}
Variable unpooling_nd(const Variable& x, const EachAxis& kernel, const UnpoolingOptions& options) {
  return unpooling("unpooling_nd", x, kernel, options, 0);
}
Variable unpooling_1d(const Variable& x, std::int64_t kernel, const UnpoolingOptions& options) {
  return unpooling("unpooling_1d", x, {kernel}, options, 1);
}
Variable unpooling_2d(const Variable& x, const EachAxis& kernel, const UnpoolingOptions& options) {
  return unpooling("unpooling_2d", x, kernel, options, 2);
}
Variable unpooling_3d(const Variable& x, const EachAxis& kernel, const UnpoolingOptions& options) {
  return unpooling("unpooling_3d", x, kernel, options, 3);
}

Array max_pooling_indices(const Array& x, const EachAxis& kernel, const PoolingNdOptions& options) {
  const char* name = "max_pooling_indices";
  spatial_axes(name, x.shape(), 0);
  check_on_host(name, x);
  const auto axes = axes_of(name, x.shape(), kernel, options.stride, options.pad, options.cover_all);
  const Shape y_shape = pooled_shape(name, x.shape(), axes);
  return largest_of_windows(name, x, window_places(name, axes)).reshape(y_shape);
}

Variable upsampling_2d(const Variable& x, const Array& indices, const EachAxis& kernel,
                       const UnpoolingOptions& options) {
  const char* name = "upsampling_2d";
  spatial_axes(name, x.shape(), 2);
  if (indices.shape() != x.shape())
    throw ShapeError(name, ": the indices are ", indices.shape(), ", expected x's shape ", x.shape(), ".");
  const auto axes = unpooled_axes(name, x.shape(), kernel, options);
  const Array places = window_places(name, axes), best = indices.to(Device{}).to(Dtype::kInt64).contiguous();
  for (std::int64_t i = 0; i < best.size(); ++i) {
    const std::int64_t index = best.data<std::int64_t>()[i];
    if (index >= 0 && index < places.shape()[1]) continue;
    throw IndexError(name, ": index ", index, " is outside a window of ", places.shape()[1], " elements.");
  }
  const Shape y_shape = unpooled_shape(x.shape(), axes);
  const Array flat = best.reshape({x.shape()[0] * x.shape()[1], places.shape()[0]});
  return add_at_positions(name, x, positions_of(flat, places, plane_size(y_shape)).reshape(x.shape()), y_shape);
}

Variable spatial_pyramid_pooling_2d(const Variable& x, int levels) {
  if (x.ndim() != 4)
    throw ShapeError("spatial_pyramid_pooling_2d: expected x (batch, C, H, W), found ", x.shape(), ".");
  if (levels < 1) throw ValueError("spatial_pyramid_pooling_2d: levels is ", levels, ", expected at least 1.");
  Variables parts;
  for (int level = 0; level < levels; ++level) {
    const std::int64_t count = std::int64_t{1} << level;
    parts.push_back(reshape(pyramid_level(x, count), {x.shape()[0], x.shape()[1] * count * count, 1, 1}));
  }
  return concat(parts, 1);
}

}  // namespace rensa::functions
