#include "core/functions/sampling.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/constants.h"
#include "core/functions/einsum.h"
#include "core/functions/matmul.h"
#include "core/functions/positions.h"
#include "core/functions/shape.h"

namespace rensa::functions {
namespace {

void check_pictures(const char* name, const Variable& x) {
  if (x.ndim() != 4) throw ShapeError(name, ": expected x (batch, C, H, W), found ", x.shape(), ".");
}

/// Where each of `count` results lies among `size` pixels, as a matrix (count, size) of the shares of the pixels.
Array interpolation(std::int64_t count, std::int64_t size, ResizeMode mode, bool align_corners) {
  Array shares = zeros({count, size}, Dtype::kFloat64);
  for (std::int64_t i = 0; i < count; ++i) {
    double* row = shares.data<double>() + i * size;
    if (mode == ResizeMode::kNearest) {
      row[i * size / count] = 1;  // in whole numbers: a quotient may round to below
      continue;
    }
    const double ratio = align_corners
                             ? (count > 1 ? static_cast<double>(size - 1) / static_cast<double>(count - 1) : 0)
                             : static_cast<double>(size) / static_cast<double>(count);
    double place = align_corners ? static_cast<double>(i) * ratio : (static_cast<double>(i) + 0.5) * ratio - 0.5;
    place = std::clamp(place, 0.0, static_cast<double>(size - 1));
    const auto low = static_cast<std::int64_t>(std::floor(place)), high = std::min(low + 1, size - 1);
    row[low] += 1 - (place - static_cast<double>(low));
    row[high] += place - static_cast<double>(low);
  }
  return shares;
}

/// x at rows and columns (batch, places) given in pixels, bilinear: (batch, C, places). Outside is 0.
Variable read_between(const char* name, const Variable& x, const Variable& rows, const Variable& columns) {
  const std::int64_t batch = x.shape()[0], channels = x.shape()[1], height = x.shape()[2], width = x.shape()[3],
                     places = rows.shape()[1];
  const std::vector<double> r = to_vector<double>(rows.array()), c = to_vector<double>(columns.array());
  std::vector<double> top(r.size()), left(c.size());
  for (std::size_t i = 0; i < r.size(); ++i) {
    top[i] = std::floor(r[i]);
    left[i] = std::floor(c[i]);
  }
  const Shape shape = rows.shape();
  const Variable down = rows - constant_like(x, array(top, shape)),
                 right = columns - constant_like(x, array(left, shape));
  Variable y;
  for (int corner = 0; corner < 4; ++corner) {
    const int dy = corner / 2, dx = corner % 2;
    Array positions = empty({batch, channels, places}, Dtype::kInt64);
    for (std::int64_t i = 0; i < positions.size(); ++i) {
      const auto at =
          static_cast<std::size_t>(i / (places * std::max<std::int64_t>(1, channels)) * places + i % places);
      const double row = top[at] + dy, column = left[at] + dx;
      const bool inside =
          row >= 0 && row < static_cast<double>(height) && column >= 0 && column < static_cast<double>(width);
      positions.data<std::int64_t>()[i] =
          inside ? (i / places * height + static_cast<std::int64_t>(row)) * width + static_cast<std::int64_t>(column)
                 : -1;
    }
    const Variable share = (dy ? down : 1 - down) * (dx ? right : 1 - right);
    const Variable part = take_positions(name, x, positions) * reshape(share, {batch, 1, places});
    y = y ? y + part : part;
  }
  return y;
}

}  // namespace

Variable resize_images(const Variable& x, std::int64_t height, std::int64_t width, ResizeMode mode,
                       bool align_corners) {
  check_pictures("resize_images", x);
  if (height < 1 || width < 1 || x.shape()[2] < 1 || x.shape()[3] < 1) {
    throw ValueError("resize_images: from ", x.shape(), " to ", height, " × ", width, "; expected at least one pixel.");
  }
  const Variable rows = constant_like(x, interpolation(height, x.shape()[2], mode, align_corners));
  const Variable columns = constant_like(x, interpolation(width, x.shape()[3], mode, align_corners));
  return matmul(rows, matmul(x, columns, false, true));
}

Variable spatial_transformer_grid(const Variable& theta, std::int64_t height, std::int64_t width) {
  if (theta.ndim() != 3 || theta.shape()[1] != 2 || theta.shape()[2] != 3) {
    throw ShapeError("spatial_transformer_grid: expected theta (batch, 2, 3), found ", theta.shape(), ".");
  }
  if (height < 1 || width < 1)
    throw ValueError("spatial_transformer_grid: size ", height, " × ", width, ", expected at least 1 × 1.");
  Array places = ones({3, height * width}, Dtype::kFloat64);
  for (std::int64_t i = 0; i < height * width; ++i) {
    const auto along = [](std::int64_t at, std::int64_t n) {
      return n == 1 ? -1.0 : -1 + 2 * static_cast<double>(at) / static_cast<double>(n - 1);
    };
    places.data<double>()[i] = along(i % width, width);
    places.data<double>()[height * width + i] = along(i / width, height);
  }
  return reshape(matmul(theta, constant_like(theta, places)), {theta.shape()[0], 2, height, width});
}

Variable spatial_transformer_sampler(const Variable& x, const Variable& grid) {
  check_pictures("spatial_transformer_sampler", x);
  if (grid.ndim() != 4 || grid.shape()[1] != 2 || grid.shape()[0] != x.shape()[0]) {
    throw ShapeError("spatial_transformer_sampler: x is ", x.shape(), ", expected the grid (batch, 2, h, w), found ",
                     grid.shape(), ".");
  }
  if (is_half(grid.dtype())) {  // 16 bits are too few for a place between pixels
    return cast(spatial_transformer_sampler(cast(x, Dtype::kFloat32), cast(grid, Dtype::kFloat32)), x.dtype());
  }
  const std::int64_t batch = grid.shape()[0], places = grid.shape()[2] * grid.shape()[3];
  const auto in_pixels = [&](int which, std::int64_t size) {
    return (reshape(select(grid, 1, which), {batch, places}) + 1) * (static_cast<double>(size - 1) / 2);
  };
  const Variable y =
      read_between("spatial_transformer_sampler", x, in_pixels(1, x.shape()[2]), in_pixels(0, x.shape()[3]));
  return reshape(y, {batch, x.shape()[1], grid.shape()[2], grid.shape()[3]});
}

Variable deformable_convolution_2d_sampler(const Variable& x, const Variable& offset, const Variable& W,
                                           const Variable* b, std::int64_t stride, std::int64_t pad) {
  const char* name = "deformable_convolution_2d_sampler";
  check_pictures(name, x);
  const std::int64_t kh = W.ndim() == 4 ? W.shape()[2] : 0, kw = W.ndim() == 4 ? W.shape()[3] : 0, elements = kh * kw;
  if (W.ndim() != 4 || W.shape()[1] != x.shape()[1] || offset.ndim() != 4 || offset.shape()[0] != x.shape()[0] ||
      offset.shape()[1] != 2 * elements) {
    throw ShapeError(name,
                     ": expected x (batch, C, H, W), offset (batch, 2 kh kw, OH, OW) and W (K, C, kh, kw), found ",
                     x.shape(), ", ", offset.shape(), " and ", W.shape(), ".");
  }
  const std::int64_t batch = x.shape()[0], oh = offset.shape()[2], ow = offset.shape()[3];
  if (stride < 1 || oh != (x.shape()[2] + 2 * pad - kh) / stride + 1 ||
      ow != (x.shape()[3] + 2 * pad - kw) / stride + 1) {
    throw ShapeError(name, ": the offset is for ", oh, " × ", ow, " windows, x ", x.shape(), " has others (stride ",
                     stride, ", pad ", pad, ").");
  }
  Array rows = empty({elements, oh, ow}, Dtype::kFloat64), columns = empty({elements, oh, ow}, Dtype::kFloat64);
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    const std::int64_t element = i / (oh * ow), at = i % (oh * ow);
    rows.data<double>()[i] = static_cast<double>(at / ow * stride + element / kw - pad);
    columns.data<double>()[i] = static_cast<double>(at % ow * stride + element % kw - pad);
  }
  const Variables moves = split_axis(offset, 2, 1);
  const auto moved = [&](const Variable& by, const Array& from) {
    return reshape(by + constant_like(x, from), {batch, elements * oh * ow});
  };
  const Variable columns_of_x = read_between(name, x, moved(moves[1], rows), moved(moves[0], columns));
  const Variable y = einsum("ncep,kce->nkp", {reshape(columns_of_x, {batch, x.shape()[1], elements, oh * ow}),
                                              reshape(W, {W.shape()[0], W.shape()[1], elements})});
  const Variable result = reshape(y, {batch, W.shape()[0], oh, ow});
  return b ? result + reshape(*b, {b->size(), 1, 1}) : result;
}

}  // namespace rensa::functions
