#include "core/kernels/convolution.h"

#include "core/error.h"
#include "core/kernels/cpu/half_precision.h"
#include "core/kernels/cpu/onednn/convolution.h"
#include "core/kernels/cpu/onednn/primitives.h"
#include "core/kernels/cpu/parallel.h"
#include "core/kernels/cpu/pointwise_convolution.h"
#include "core/kernels/cpu/window_columns.h"
#include "core/kernels/memory.h"
#include "core/kernels/product.h"

namespace rensa::kernels {
namespace {

// float64, which oneDNN does not compute: windows as columns, and a matrix product for each picture and group.

cpu::WindowColumns windows(const Shape& x, const Shape& W, const ConvolutionGeometry& g) {
  const Shape y = output_shape(x, W, g);
  return {.channels = W[1],
          .height = x[2],
          .width = x[3],
          .kernel_height = W[2],
          .kernel_width = W[3],
          .out_height = y[2],
          .out_width = y[3],
          .geometry = g};
}

/// Part `group` of picture n, its channels as rows: (channels / groups, pixels).
Array group_of(const Array& pictures, std::int64_t n, std::int64_t group, std::int64_t groups) {
  const std::int64_t channels = pictures.shape()[1] / groups;
  return pictures.select(0, n)
      .slice(0, {.start = group * channels, .stop = (group + 1) * channels})
      .reshape({channels, pictures.shape()[2] * pictures.shape()[3]});
}

Array weights_of(const Array& W, std::int64_t group, std::int64_t groups) {
  const std::int64_t out = W.shape()[0] / groups;
  return W.slice(0, {.start = group * out, .stop = (group + 1) * out}).reshape({out, -1});
}

template <class Body>
void for_each_group(std::int64_t pictures, std::int64_t groups, const Body& body) {
  for (std::int64_t n = 0; n < pictures; ++n) {
    for (std::int64_t group = 0; group < groups; ++group) body(n, group);
  }
}

Array forward_f64(const Array& x, const Array& W, const Array& b, const ConvolutionGeometry& g) {
  const cpu::WindowColumns w = windows(x.shape(), W.shape(), g);
  const Array source = x.contiguous(), weights = W.contiguous();
  Array y = empty({x.shape()[0], W.shape()[0], w.out_height, w.out_width}, Dtype::kFloat64);
  const Array columns = empty({w.rows(), w.size()}, Dtype::kFloat64);
  for_each_group(x.shape()[0], g.groups, [&](std::int64_t n, std::int64_t group) {
    w.gather(group_of(source, n, group, g.groups).data<double>(), columns.data<double>());
    product(weights_of(weights, group, g.groups), columns, group_of(y, n, group, g.groups));
  });
  if (b) {
    for (std::int64_t n = 0; n < y.shape()[0]; ++n) {
      for (std::int64_t k = 0; k < y.shape()[1]; ++k) {
        double* row = y.data<double>() + (n * y.shape()[1] + k) * w.size();
        const double bias = b.data<double>()[k * b.strides()[0]];
        for (std::int64_t i = 0; i < w.size(); ++i) row[i] += bias;
      }
    }
  }
  return y;
}

void add_f64(const Array& y, const Array& residual) {
  const Array added = residual.contiguous();
  double* values = y.data<double>();
  for (std::int64_t i = 0; i < y.size(); ++i) values[i] += added.data<double>()[i];
}

Array backward_data_f64(const Array& gy, const Array& W, const ConvolutionGeometry& g, const Shape& x_shape) {
  const cpu::WindowColumns w = windows(x_shape, W.shape(), g);
  const Array gradient = gy.contiguous(), weights = W.contiguous();
  Array gx = zeros(x_shape, Dtype::kFloat64);
  const Array columns = empty({w.rows(), w.size()}, Dtype::kFloat64);
  for_each_group(x_shape[0], g.groups, [&](std::int64_t n, std::int64_t group) {
    product(weights_of(weights, group, g.groups).transpose(), group_of(gradient, n, group, g.groups), columns);
    w.scatter_add(columns.data<double>(), group_of(gx, n, group, g.groups).data<double>());
  });
  return gx;
}

Array backward_weights_f64(const Array& x, const Array& gy, const ConvolutionGeometry& g, const Shape& W_shape,
                           const Array& destination) {
  const cpu::WindowColumns w = windows(x.shape(), W_shape, g);
  const Array source = x.contiguous(), gradient = gy.contiguous();
  Array gW = destination ? destination : empty(W_shape, Dtype::kFloat64);
  gW.fill(0);
  const Array columns = empty({w.rows(), w.size()}, Dtype::kFloat64);
  const Array part = empty({W_shape[0] / g.groups, w.rows()}, Dtype::kFloat64);
  for_each_group(x.shape()[0], g.groups, [&](std::int64_t n, std::int64_t group) {
    w.gather(group_of(source, n, group, g.groups).data<double>(), columns.data<double>());
    product(group_of(gradient, n, group, g.groups), columns.transpose(), part);
    double* to = weights_of(gW, group, g.groups).data<double>();
    for (std::int64_t i = 0; i < part.size(); ++i) to[i] += part.data<double>()[i];
  });
  return gW;
}

template <class T>
void relu_of(T* values, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) values[i] = values[i] < 0 ? T(0) : values[i];
}

/// 16-bit floats by their bits: those from -0 down to -infinity, whose bits are `lowest`, become 0.
void relu_of_bits(std::uint16_t* values, std::int64_t count, std::uint16_t lowest) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) values[i] = values[i] >= 0x8000 && values[i] <= lowest ? 0 : values[i];
}

/// The relu that oneDNN would fuse turns not-a-number into 0; this one lets it through, as functions::relu does.
void relu_in_place(const Array& y) {
  void* const values = y.raw_data();
  cpu::for_each_block(
      y.size(),
      [&](std::int64_t begin, std::int64_t end) {
        const std::int64_t count = end - begin;
        switch (y.dtype()) {
          case Dtype::kFloat64:
            return relu_of(static_cast<double*>(values) + begin, count);
          case Dtype::kFloat16:
            return relu_of_bits(static_cast<std::uint16_t*>(values) + begin, count, 0xFC00);
          case Dtype::kBFloat16:
            return relu_of_bits(static_cast<std::uint16_t*>(values) + begin, count, 0xFF80);
          default:
            return relu_of(static_cast<float*>(values) + begin, count);
        }
      },
      item_size(y.dtype()));
}

/// oneDNN plans nothing for an empty batch, a rank's part of a short one.
bool is_empty(const Array& pictures) { return pictures.shape()[0] == 0; }

Array no_weights(const Shape& shape, Dtype dtype, const Array& destination) {
  Array gW = destination ? destination : empty(shape, dtype);
  gW.fill(0);
  return gW;
}

/// What is computed in float32 instead: a 16-bit type that the processor does not multiply.
bool is_widened(const Array& x) { return is_half(x.dtype()) && !onednn::computes(x.dtype()); }

void check(const Array& x) {
  if (is_floating(x.dtype())) return;
  throw DtypeError("convolution: computes in float32, float64, float16 and bfloat16, found ", x.dtype(), ".");
}

Array forward(const Array& x, const Array& W, const Array& b, const ConvolutionGeometry& g, const Array& residual,
              bool relu) {
  check(x);
  const Shape y_shape = output_shape(x.shape(), W.shape(), g);
  if (is_empty(x)) return empty(y_shape, x.dtype());
  Array y;
  if (x.dtype() == Dtype::kFloat64) {
    y = forward_f64(x, W, b, g);
    if (residual) add_f64(y, residual);
  } else if (!b && !residual && cpu::is_faster_as_product(y_shape, W.shape(), g, x.dtype())) {
    y = cpu::pointwise_convolution(x, W, g);
  } else {
    y = onednn::convolution(x, W, b, g, residual);
  }
  if (relu) relu_in_place(y);
  return y;
}

Array fused(const Array& x, const Array& W, const Array& b, const ConvolutionGeometry& g, const Array& residual,
            bool relu) {
  return is_widened(x) ? cpu::in_float32<forward>(x, W, b, g, residual, relu) : forward(x, W, b, g, residual, relu);
}

Array plain(const Array& x, const Array& W, const Array& b, const ConvolutionGeometry& g) {
  return fused(x, W, b, g, Array(), /*relu=*/false);
}

Array backward_data(const Array& gy, const Array& W, const ConvolutionGeometry& g, const Shape& x_shape) {
  check(gy);
  if (is_widened(gy)) return cpu::in_float32<backward_data>(gy, W, g, x_shape);
  if (is_empty(gy)) return empty(x_shape, gy.dtype());
  if (gy.dtype() == Dtype::kFloat64) return backward_data_f64(gy, W, g, x_shape);
  if (cpu::is_faster_as_product(gy.shape(), W.shape(), g, gy.dtype())) {
    return cpu::pointwise_backward_data(gy, W, g, x_shape);
  }
  if (onednn::errs_in_gradient_of_x(gy, W.shape(), g)) return cpu::in_float32<backward_data>(gy, W, g, x_shape);
  return onednn::convolution_backward_data(gy, W, g, x_shape);
}

void add_backward_data(const Array& gy, const Array& W, const ConvolutionGeometry& g, const Array& gx) {
  if (gx.dtype() == gy.dtype() && cpu::sum_is_faster_as_product(gy.shape(), W.shape(), g, gx)) {
    return cpu::pointwise_add_backward_data(gy, W, gx);
  }
  accumulate(gx, backward_data(gy, W, g, gx.shape()));
}

Array backward_weights(const Array& x, const Array& gy, const ConvolutionGeometry& g, const Shape& W_shape,
                       const Array& destination) {
  check(x);
  if (is_widened(x) || onednn::errs_in_gradient_of_weights(x, W_shape, g)) {
    const Array gW = backward_weights(x.to(Dtype::kFloat32), gy.to(Dtype::kFloat32), g, W_shape, Array());
    if (!destination) return gW.to(x.dtype());
    copy(destination, gW);
    return destination;
  }
  if (x.dtype() == Dtype::kFloat64) return backward_weights_f64(x, gy, g, W_shape, destination);
  if (is_empty(x)) return no_weights(W_shape, x.dtype(), destination);
  return cpu::gradient_of_weights_is_faster_as_product(gy.shape(), W_shape, g, x.dtype())
             ? cpu::pointwise_backward_weights(x, gy, g, W_shape, destination)
             : onednn::convolution_backward_weights(x, gy, g, W_shape, destination);
}

constexpr DeviceKind kCpu = DeviceKind::kCpu;
const Implementation cpu_forward(convolution, kCpu, plain);
const Implementation cpu_fused(fused_convolution, kCpu, fused);
const Implementation cpu_backward_data(convolution_backward_data, kCpu, backward_data);
const Implementation cpu_add_backward_data(convolution_add_backward_data, kCpu, add_backward_data);
const Implementation cpu_backward_weights(convolution_backward_weights, kCpu, backward_weights);

}  // namespace
}  // namespace rensa::kernels
