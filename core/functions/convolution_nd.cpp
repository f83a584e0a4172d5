#include "core/functions/convolution_nd.h"

#include <algorithm>
#include <string>

#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/einsum.h"
#include "core/functions/matmul.h"
#include "core/functions/padding.h"
#include "core/functions/positions.h"
#include "core/functions/rearrangement.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "core/functions/windows.h"

namespace rensa::functions {
namespace {

/// The numbers of one spatial axis, and of all.
struct Geometry {
  std::vector<std::int64_t> stride, pad, dilate;
  std::int64_t groups;

  int axes() const { return static_cast<int>(stride.size()); }
  Geometry without_first() const {
    const auto rest = [](const std::vector<std::int64_t>& v) {
      return std::vector<std::int64_t>(v.begin() + 1, v.end());
    };
    return {rest(stride), rest(pad), rest(dilate), groups};
  }
  ConvolutionOptions two_dimensional() const {
    return {
        .stride = {stride[0], stride[1]}, .pad = {pad[0], pad[1]}, .dilate = {dilate[0], dilate[1]}, .groups = groups};
  }
};

Array rows_of(const WindowAxis& axis, std::int64_t count, std::int64_t k) {
  Array rows = empty({count}, Dtype::kInt64);
  for (std::int64_t i = 0; i < count; ++i) rows.data<std::int64_t>()[i] = axis.place(i, k);
  return rows;
}

/// (batch, C, D, …) with D joined to the batch: (batch D, C, …), and back.
Variable frames(const Variable& x) {
  const Variable turned = swapaxes(x, 1, 2);
  Shape shape = turned.shape();
  shape[0] *= shape[1];
  shape.erase(1);
  return reshape(turned, shape);
}
Variable from_frames(const Variable& x, std::int64_t batch) {
  Shape shape = x.shape();
  shape.insert(1, batch == 0 ? 0 : shape[0] / batch);
  shape[0] = batch;
  return swapaxes(reshape(x, shape), 1, 2);
}

Variable convolve(const Variable& x, const Variable& W, const Geometry& g) {
  if (g.axes() == 2) return convolution_2d(x, W, nullptr, g.two_dimensional());
  const WindowAxis axis{
      .size = x.shape()[2], .kernel = W.shape()[2], .stride = g.stride[0], .pad = g.pad[0], .dilate = g.dilate[0]};
  const std::int64_t count = axis.count("convolution_nd");
  Variable y;
  for (std::int64_t k = 0; k < axis.kernel; ++k) {
    const Variable seen = take_rows_at(x, rows_of(axis, count, k), 2);
    const Variable part = convolve(frames(seen), select(W, 2, k), g.without_first());
    y = y ? y + part : part;
  }
  return from_frames(y, x.shape()[0]);
}

/// y has spatial sizes `outsize`.
Variable deconvolve(const Variable& x, const Variable& W, const Geometry& g, const std::vector<std::int64_t>& outsize) {
  if (g.axes() == 2) {
    const Shape y_shape = {x.shape()[0], W.shape()[1] * g.groups, outsize[0], outsize[1]};
    return convolution_2d_backward_data(x, W, g.two_dimensional(), y_shape);
  }
  const WindowAxis axis{
      .size = outsize[0], .kernel = W.shape()[2], .stride = g.stride[0], .pad = g.pad[0], .dilate = g.dilate[0]};
  const std::vector<std::int64_t> rest(outsize.begin() + 1, outsize.end());
  Variable y;
  for (std::int64_t k = 0; k < axis.kernel; ++k) {
    const Variable part = from_frames(deconvolve(frames(x), select(W, 2, k), g.without_first(), rest), x.shape()[0]);
    const Variable placed = add_rows_at(part, rows_of(axis, x.shape()[2], k), 2, outsize[0]);
    y = y ? y + placed : placed;
  }
  return y;
}

Variable with_bias(const char* name, const Variable& y, const Variable* b) {
  if (!b) return y;
  if (b->shape() != Shape{y.shape()[1]})
    throw ShapeError(name, ": b is ", b->shape(), ", expected (", y.shape()[1], ",).");
  Shape shape = Shape::filled(y.ndim() - 1, 1);
  shape[0] = b->size();
  return y + reshape(*b, shape);
}

int check_axes(const char* name, const Variable& x, const Variable& W, int expected) {
  const int axes = x.ndim() - 2;
  if (axes < 1 || W.ndim() != x.ndim() || (expected > 0 && axes != expected)) {
    throw ShapeError(name, ": expected x (batch, channels, …) and W with as many axes",
                     expected > 0 ? ", of which spatial: " : "", expected > 0 ? std::to_string(expected) : "",
                     "; found ", x.shape(), " and ", W.shape(), ".");
  }
  if (x.dtype() != W.dtype())
    throw DtypeError(name, ": x is ", x.dtype(), ", W is ", W.dtype(), ". Convert x with cast(x, dtype).");
  return axes;
}

Variable convolution(const char* name, const Variable& x, const Variable& W, const Variable* b,
                     const ConvolutionNdOptions& o, int expected_axes) {
  const int axes = check_axes(name, x, W, expected_axes);
  Geometry g{each_axis(name, o.stride, axes, 1), each_axis(name, o.pad, axes, 0), each_axis(name, o.dilate, axes, 1),
             o.groups};
  Variable padded = x;
  if (o.cover_all) {  // as much more padding at the end as the last window needs
    std::vector<Padding> widths(2);
    for (int i = 0; i < axes; ++i) {
      const auto a = static_cast<std::size_t>(i);
      const WindowAxis axis{.size = x.shape()[i + 2],
                            .kernel = W.shape()[i + 2],
                            .stride = g.stride[a],
                            .pad = g.pad[a],
                            .dilate = g.dilate[a],
                            .cover_all = true};
      const std::int64_t needed = (axis.count(name) - 1) * axis.stride + axis.reach();
      widths.push_back({g.pad[a], std::max(g.pad[a], needed - axis.size - g.pad[a])});
      g.pad[a] = 0;
    }
    padded = pad(x, widths);
  }
  if (axes > 1) return with_bias(name, convolve(padded, W, g), b);
  const Geometry plane{{1, g.stride[0]}, {0, g.pad[0]}, {1, g.dilate[0]}, g.groups};
  return with_bias(name, squeeze(convolve(expand_dims(padded, 2), expand_dims(W, 2), plane), 2), b);
}

Variable deconvolution(const char* name, const Variable& x, const Variable& W, const Variable* b,
                       const DeconvolutionOptions& o, int expected_axes) {
  const int axes = check_axes(name, x, W, expected_axes);
  const Geometry g{each_axis(name, o.stride, axes, 1), each_axis(name, o.pad, axes, 0),
                   each_axis(name, o.dilate, axes, 1), o.groups};
  if (o.groups < 1 || x.shape()[1] != W.shape()[0] || W.shape()[0] % o.groups != 0) {
    throw ShapeError(name, ": x has ", x.shape()[1], " channels, W expects ", W.shape()[0], " (x is ", x.shape(),
                     ", W is ", W.shape(), ", groups ", o.groups, ").");
  }
  if (W.size() == 0) throw ShapeError(name, ": W is ", W.shape(), ", expected no axis of size 0.");
  std::vector<std::int64_t> outsize = each_axis(name, o.outsize, axes, -1);
  for (int i = 0; i < axes; ++i) {
    const auto a = static_cast<std::size_t>(i);
    WindowAxis axis{
        .size = 0, .kernel = W.shape()[i + 2], .stride = g.stride[a], .pad = g.pad[a], .dilate = g.dilate[a]};
    if (outsize[a] < 0) outsize[a] = axis.stride * (x.shape()[i + 2] - 1) + axis.reach() - 2 * axis.pad;
    if (outsize[a] < 1) {
      throw ShapeError(name, ": an output of ", outsize[a], " elements along spatial axis ", i, " (x is ", x.shape(),
                       ", W is ", W.shape(), ", pad ", axis.pad, "), expected at least 1.");
    }
    axis.size = outsize[a];
    const std::int64_t count = axis.count(name);
    if (count != x.shape()[i + 2]) {
      throw ShapeError(name, ": an output of ", outsize[a], " has ", count, " windows along spatial axis ", i,
                       ", x has ", x.shape()[i + 2], " (x is ", x.shape(), ", W is ", W.shape(), ").");
    }
  }
  if (axes > 1) return with_bias(name, deconvolve(x, W, g, outsize), b);
  const Geometry plane{{1, g.stride[0]}, {0, g.pad[0]}, {1, g.dilate[0]}, g.groups};
  return with_bias(name, squeeze(deconvolve(expand_dims(x, 2), expand_dims(W, 2), plane, {1, outsize[0]}), 2), b);
}

/// (batch, …) as (batch, all the rest).
Variable as_matrix(const Variable& x) {
  std::int64_t rest = 1;
  for (int axis = 1; axis < x.ndim(); ++axis) rest *= x.shape()[axis];
  return reshape(x, {x.shape()[0], rest});
}

}  // namespace

Variable convolution_nd(const Variable& x, const Variable& W, const Variable* b, const ConvolutionNdOptions& options) {
  return convolution("convolution_nd", x, W, b, options, 0);
}
Variable convolution_1d(const Variable& x, const Variable& W, const Variable* b, const ConvolutionNdOptions& options) {
  return convolution("convolution_1d", x, W, b, options, 1);
}
Variable convolution_3d(const Variable& x, const Variable& W, const Variable* b, const ConvolutionNdOptions& options) {
  return convolution("convolution_3d", x, W, b, options, 3);
}
Variable dilated_convolution_2d(const Variable& x, const Variable& W, const Variable* b, std::int64_t stride,
                                std::int64_t pad, std::int64_t dilate, bool cover_all) {
  return convolution_2d(x, W, b, {.stride = {stride, stride}, .pad = {pad, pad}, .dilate = {dilate, dilate}},
                        cover_all);
}

Variable deconvolution_nd(const Variable& x, const Variable& W, const Variable* b,
                          const DeconvolutionOptions& options) {
  return deconvolution("deconvolution_nd", x, W, b, options, 0);
}
Variable deconvolution_1d(const Variable& x, const Variable& W, const Variable* b,
                          const DeconvolutionOptions& options) {
  return deconvolution("deconvolution_1d", x, W, b, options, 1);
}
Variable deconvolution_2d(const Variable& x, const Variable& W, const Variable* b,
                          const DeconvolutionOptions& options) {
  return deconvolution("deconvolution_2d", x, W, b, options, 2);
}
Variable deconvolution_3d(const Variable& x, const Variable& W, const Variable* b,
                          const DeconvolutionOptions& options) {
  return deconvolution("deconvolution_3d", x, W, b, options, 3);
}

Variable depthwise_convolution_2d(const Variable& x, const Variable& W, const Variable* b, std::int64_t stride,
                                  std::int64_t pad) {
  if (x.ndim() != 4 || W.ndim() != 4 || W.shape()[1] != x.shape()[1]) {
    throw ShapeError("depthwise_convolution_2d: expected x (batch, C, H, W) and W (multiplier, C, kh, kw), found ",
                     x.shape(), " and ", W.shape(), ".");
  }
  const std::int64_t channels = W.shape()[1];
  const Variable filters = reshape(swapaxes(W, 0, 1), {channels * W.shape()[0], 1, W.shape()[2], W.shape()[3]});
  return convolution_2d(x, filters, b, {.stride = {stride, stride}, .pad = {pad, pad}, .groups = channels});
}

Variable im2col(const Variable& x, const EachAxis& ksize, const WindowOptions& options) {
  if (x.ndim() != 4) throw ShapeError("im2col: expected x (batch, C, H, W), found ", x.shape(), ".");
  const auto k = each_axis("im2col", ksize, 2, 1), stride = each_axis("im2col", options.stride, 2, 1),
             pad = each_axis("im2col", options.pad, 2, 0), dilate = each_axis("im2col", options.dilate, 2, 1);
  std::vector<WindowAxis> axes;
  for (std::size_t a = 0; a < 2; ++a) {
    axes.push_back({x.shape()[static_cast<int>(a) + 2], k[a], stride[a], pad[a], dilate[a], options.cover_all});
  }
  const Array places = window_places("im2col", axes).transpose().contiguous();  // (kh kw, OH OW)
  const std::int64_t batch = x.shape()[0], channels = x.shape()[1];
  const Variable columns =
      take_rows_at(reshape(x, {batch, channels, x.shape()[2] * x.shape()[3]}), places.reshape({places.size()}), 2);
  return reshape(columns, {batch, channels * k[0] * k[1], axes[0].count("im2col"), axes[1].count("im2col")});
}

Variable local_convolution_2d(const Variable& x, const Variable& W, const Variable* b, std::int64_t stride) {
  if (x.ndim() != 4 || W.ndim() != 6 || W.shape()[3] != x.shape()[1]) {
    throw ShapeError("local_convolution_2d: expected x (batch, C, H, W) and W (K, OH, OW, C, kh, kw), found ",
                     x.shape(), " and ", W.shape(), ".");
  }
  const Shape& w = W.shape();
  const Variable columns = im2col(x, {w[4], w[5]}, {.stride = {stride}});
  if (columns.shape()[2] != w[1] || columns.shape()[3] != w[2]) {
    throw ShapeError("local_convolution_2d: x ", x.shape(), " has ", columns.shape()[2], " × ", columns.shape()[3],
                     " windows, W ", w, " is for ", w[1], " × ", w[2], ".");
  }
  const Variable y = einsum("nphw,khwp->nkhw", {columns, reshape(W, {w[0], w[1], w[2], w[3] * w[4] * w[5]})});
  return b ? y + *b : y;
}

Variable shift(const Variable& x, std::int64_t ksize, std::int64_t dilate) {
  if (x.ndim() != 4) throw ShapeError("shift: expected x (batch, C, H, W), found ", x.shape(), ".");
  if (ksize < 1 || ksize % 2 == 0 || dilate < 1) {
    throw ValueError("shift: ksize ", ksize, ", dilate ", dilate, "; expected an odd number and at least 1.");
  }
  const std::int64_t channels = x.shape()[1], height = x.shape()[2], width = x.shape()[3];
  const std::int64_t groups = ksize * ksize, group = channels / groups, centre = groups / 2, last = groups - 1;
  if (group < 1) {
    throw ShapeError("shift: x ", x.shape(), " has ", channels, " channels, expected at least ksize² = ", groups, ".");
  }
  Array positions = empty(x.shape(), Dtype::kInt64);
  for (std::int64_t i = 0; i < positions.size(); ++i) {
    const std::int64_t column = i % width, row = i / width % height, channel = i / width / height % channels;
    const std::int64_t number = std::min(channel / group, last);
    const std::int64_t pixel = number == last ? centre : number == centre ? last : number;
    const std::int64_t from_row = row - (pixel / ksize - ksize / 2) * dilate,
                       from_column = column - (pixel % ksize - ksize / 2) * dilate;
    const bool inside = from_row >= 0 && from_row < height && from_column >= 0 && from_column < width;
    positions.data<std::int64_t>()[i] = inside ? (i / width / height * height + from_row) * width + from_column : -1;
  }
  return take_positions("shift", x, positions);
}

Variable bilinear(const Variable& e1, const Variable& e2, const Variable& W) {
  const Variable a = as_matrix(e1), b = as_matrix(e2);
  if (W.ndim() != 3 || a.shape()[0] != b.shape()[0] || a.shape()[1] != W.shape()[0] || b.shape()[1] != W.shape()[1]) {
    throw ShapeError("bilinear: expected e1 (batch, J), e2 (batch, K), W (J, K, L), found ", e1.shape(), ", ",
                     e2.shape(), " and ", W.shape(), ".");
  }
  return einsum("bj,bk,jkl->bl", {a, b, W});
}

Variable bilinear(const Variable& e1, const Variable& e2, const Variable& W, const Variable& V1, const Variable& V2,
                  const Variable& b) {
  const Variable y = bilinear(e1, e2, W);
  return y + matmul(as_matrix(e1), V1) + matmul(as_matrix(e2), V2) + b;
}

}  // namespace rensa::functions
