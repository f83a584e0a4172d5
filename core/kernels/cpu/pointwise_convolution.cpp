#include "core/kernels/cpu/pointwise_convolution.h"

#include <algorithm>
#include <limits>

#include "core/kernels/cpu/gemm.h"
#include "core/kernels/cpu/onednn/primitives.h"
#include "core/kernels/cpu/product.h"
#include "core/kernels/product.h"

namespace rensa::cpu {
namespace {

using kernels::ConvolutionGeometry;

std::int64_t pixels_of(const Shape& pictures) { return pictures[0] * pictures[2] * pictures[3]; }

bool is_pointwise(const Shape& W, const ConvolutionGeometry& g) {
  return W[2] == 1 && W[3] == 1 && g.pad[0] == 0 && g.pad[1] == 0;
}

/// A large product of 1x1 windows, not too large for BLAS, in a type that oneDNN multiplies well here.
bool is_large_product(const Shape& y, const Shape& W, const ConvolutionGeometry& g, Dtype dtype) {
  if (!is_pointwise(W, g) || g.groups != 1 || pixels_of(y) * W[0] * W[1] <= kLargeProduct) return false;
  if (pixels_of(y) > std::numeric_limits<int>::max()) return false;
  return is_half(dtype) ? onednn::computes(dtype) : dtype == Dtype::kFloat32 && onednn_multiplies_faster();
}

/// oneDNN's float32 convolutions are as fast as products where there are many pixels. Where there are fewer than
/// channels, they spend more on bringing W into their own order than they save.
bool has_few_pixels(const Shape& y, const Shape& W) { return pixels_of(y) < std::max(W[0], W[1]); }

bool is_strided(const ConvolutionGeometry& g) { return g.stride[0] != 1 || g.stride[1] != 1; }

/// Pictures as (pixels, channels); a view of those that lie channels-last.
Array as_matrix(const Array& pictures) {
  return pictures.channels_last().transpose({0, 2, 3, 1}).reshape({pixels_of(pictures.shape()), pictures.shape()[1]});
}
Array as_pictures(const Array& matrix, const Shape& shape) {
  return matrix.reshape({shape[0], shape[2], shape[3], shape[1]}).transpose({0, 3, 1, 2});
}

Array weight_matrix(const Array& W) { return W.reshape({W.shape()[0], W.shape()[1]}); }

}  // namespace

bool skips_pixels(const Shape& W, const ConvolutionGeometry& g) { return is_pointwise(W, g) && is_strided(g); }

Array pixels_under_windows(const Array& x, const ConvolutionGeometry& g) {
  return x.slice(2, {.step = g.stride[0]}).slice(3, {.step = g.stride[1]});
}

Array with_skipped_pixels(const Array& gradient, const ConvolutionGeometry& g, const Shape& x_shape) {
  const Array gx = empty(x_shape, gradient.dtype(), {}, Layout::kChannelsLast);
  gx.fill(0);
  pixels_under_windows(gx, g).copy_from(gradient);
  return gx;
}

bool is_faster_as_product(const Shape& y, const Shape& W, const ConvolutionGeometry& g, Dtype dtype) {
  return is_large_product(y, W, g, dtype) && (is_half(dtype) || has_few_pixels(y, W));
}

bool sum_is_faster_as_product(const Shape& y, const Shape& W, const ConvolutionGeometry& g, const Array& gx) {
  return !is_strided(g) && gx.is_channels_last() && is_large_product(y, W, g, gx.dtype());
}

bool gradient_of_weights_is_faster_as_product(const Shape& y, const Shape& W, const ConvolutionGeometry& g,
                                              Dtype dtype) {
  return is_large_product(y, W, g, dtype);
}

Array pointwise_convolution(const Array& x, const Array& W, const ConvolutionGeometry& g) {
  const Array y = kernels::product(as_matrix(pixels_under_windows(x, g)), weight_matrix(W).transpose(), Array());
  return as_pictures(y, kernels::output_shape(x.shape(), W.shape(), g));
}

Array pointwise_backward_data(const Array& gy, const Array& W, const ConvolutionGeometry& g, const Shape& x_shape) {
  const Array read = kernels::product(as_matrix(gy), weight_matrix(W), Array());
  const Array gradient = as_pictures(read, {gy.shape()[0], x_shape[1], gy.shape()[2], gy.shape()[3]});
  return is_strided(g) ? with_skipped_pixels(gradient, g, x_shape) : gradient;
}

void pointwise_add_backward_data(const Array& gy, const Array& W, const Array& gx) {
  add_product(as_matrix(gy), weight_matrix(W), as_matrix(gx));
}

Array pointwise_backward_weights(const Array& x, const Array& gy, const ConvolutionGeometry& g, const Shape& W_shape,
                                 const Array& destination) {
  const Array gW = destination ? destination : empty(W_shape, x.dtype());
  kernels::product(as_matrix(gy).transpose(), as_matrix(pixels_under_windows(x, g)), weight_matrix(gW));
  return gW;
}

}  // namespace rensa::cpu
