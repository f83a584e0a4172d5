#include "core/links/convolution_nd.h"

#include "core/error.h"
#include "core/functions/sampling.h"

namespace rensa {
namespace {

/// {first, second, k1, …} with the kernel's sizes for `axes` axes.
Shape kernel_shape(const char* name, std::int64_t first, std::int64_t second, const functions::EachAxis& kernel,
                   int axes) {
  if (axes < 1 || axes > kMaxDims - 2 || (kernel.size() != 1 && kernel.size() != static_cast<std::size_t>(axes))) {
    throw ValueError(name, ": has ", axes, " axes and ", kernel.size(),
                     " kernel sizes; expected one size, or one for each axis.");
  }
  if (first < 1 || second < 1)
    throw ValueError(name, ": W would have ", first, " by ", second, " channels, expected at least 1.");
  Shape shape = {first, second};
  for (int axis = 0; axis < axes; ++axis)
    shape.push_back(kernel.size() == 1 ? kernel[0] : kernel[static_cast<std::size_t>(axis)]);
  return shape;
}

Convolution2DOptions square(const SquareConvolutionOptions& o) {
  return {.in = o.in,
          .out = o.out,
          .kernel = {o.kernel, o.kernel},
          .window = {.stride = {o.stride, o.stride}, .pad = {o.pad, o.pad}, .dilate = {o.dilate, o.dilate}},
          .bias = o.bias,
          .initial_W = o.initial_W,
          .dtype = o.dtype,
          .initial_b = o.initial_b};
}

Convolution2DOptions offset_convolution(const DeformableConvolution2DOptions& o) {
  return square({.in = o.in,
                 .out = 2 * o.kernel * o.kernel,
                 .kernel = o.kernel,
                 .stride = o.stride,
                 .pad = o.pad,
                 .bias = o.offset_bias,
                 .dtype = o.dtype,
                 .initial_W = o.initial_offset_W,
                 .initial_b = o.initial_offset_b});
}
Convolution2DOptions deformed_convolution(const DeformableConvolution2DOptions& o) {
  return square({.in = o.in,
                 .out = o.out,
                 .kernel = o.kernel,
                 .stride = o.stride,
                 .pad = o.pad,
                 .bias = o.bias,
                 .dtype = o.dtype,
                 .initial_W = o.initial_W,
                 .initial_b = o.initial_b});
}

/// `channels` are those that the groups divide, or kLazySize.
void check_groups(const char* name, std::int64_t channels, std::int64_t groups) {
  if (groups >= 1 && (channels == kLazySize || channels % groups == 0)) return;
  throw ValueError(name, ": ", groups, " groups", groups < 1 ? ", expected at least 1." : " do not divide the ",
                   groups < 1 ? "" : detail::join(channels, " channels."));
}

}  // namespace

ConvolutionNd::ConvolutionNd(const ConvolutionNdLinkOptions& o)
    : W(o.initial_W, o.dtype), b({o.out}, o.initial_b, o.dtype), options_(o) {
  check_groups("ConvolutionNd", o.in, o.window.groups);
  if (o.in != kLazySize) W.initialize(kernel_shape("ConvolutionNd", o.out, o.in / o.window.groups, o.kernel, o.axes));
  add("W", W);
  if (o.bias) add("b", b);
}
Variable ConvolutionNd::forward(const Variable& x) {
  if (!W.is_initialized()) {
    W.initialize(kernel_shape("ConvolutionNd", options_.out, x.shape()[1] / options_.window.groups, options_.kernel,
                              options_.axes));
  }
  return functions::convolution_nd(x, W, options_.bias ? &b : nullptr, options_.window);
}

DeconvolutionNd::DeconvolutionNd(const DeconvolutionNdLinkOptions& o)
    : W(o.initial_W, o.dtype), b({o.out}, o.initial_b, o.dtype), options_(o) {
  check_groups("DeconvolutionNd", o.out, o.window.groups);
  if (o.in != kLazySize) W.initialize(kernel_shape("DeconvolutionNd", o.in, o.out / o.window.groups, o.kernel, o.axes));
  add("W", W);
  if (o.bias) add("b", b);
}
Variable DeconvolutionNd::forward(const Variable& x) {
  if (!W.is_initialized()) {
    W.initialize(kernel_shape("DeconvolutionNd", x.shape()[1], options_.out / options_.window.groups, options_.kernel,
                              options_.axes));
  }
  return functions::deconvolution_nd(x, W, options_.bias ? &b : nullptr, options_.window);
}

namespace {
template <class L, class Options>
std::unique_ptr<L> of_axes(Options options, int axes) {
  options.axes = axes;
  return std::make_unique<L>(options);
}
}  // namespace

std::unique_ptr<ConvolutionNd> convolution_1d(ConvolutionNdLinkOptions o) {
  return of_axes<ConvolutionNd>(std::move(o), 1);
}
std::unique_ptr<ConvolutionNd> convolution_3d(ConvolutionNdLinkOptions o) {
  return of_axes<ConvolutionNd>(std::move(o), 3);
}
std::unique_ptr<DeconvolutionNd> deconvolution_1d(DeconvolutionNdLinkOptions o) {
  return of_axes<DeconvolutionNd>(std::move(o), 1);
}
std::unique_ptr<DeconvolutionNd> deconvolution_2d(DeconvolutionNdLinkOptions o) {
  return of_axes<DeconvolutionNd>(std::move(o), 2);
}
std::unique_ptr<DeconvolutionNd> deconvolution_3d(DeconvolutionNdLinkOptions o) {
  return of_axes<DeconvolutionNd>(std::move(o), 3);
}

std::unique_ptr<Convolution2D> dilated_convolution_2d(const SquareConvolutionOptions& o) {
  return std::make_unique<Convolution2D>(square(o));
}

DepthwiseConvolution2D::DepthwiseConvolution2D(const SquareConvolutionOptions& o)
    : W(o.initial_W, o.dtype), b(o.initial_b, o.dtype), options_(o) {
  if (o.in != kLazySize) initialize(o.in);
  add("W", W);
  if (o.bias) add("b", b);
}
void DepthwiseConvolution2D::initialize(std::int64_t channels) {
  if (!W.is_initialized()) {
    W.initialize(kernel_shape("DepthwiseConvolution2D", options_.out, channels, {options_.kernel}, 2));
  }
  if (options_.bias && !b.is_initialized()) b.initialize({channels * options_.out});
}
Variable DepthwiseConvolution2D::forward(const Variable& x) {
  if (x.ndim() == 4) initialize(x.shape()[1]);
  return functions::depthwise_convolution_2d(x, W, options_.bias ? &b : nullptr, options_.stride, options_.pad);
}

LocalConvolution2D::LocalConvolution2D(const SquareConvolutionOptions& o)
    : W(o.initial_W, o.dtype), b(o.initial_b, o.dtype), options_(o) {
  if (o.stride < 1) throw ValueError("LocalConvolution2D: stride is ", o.stride, ", expected at least 1.");
  add("W", W);
  if (o.bias) add("b", b);
}
Variable LocalConvolution2D::forward(const Variable& x) {
  if (!W.is_initialized()) {
    if (x.ndim() != 4)
      throw ShapeError("LocalConvolution2D: expected x (batch, channels, H, W), found ", x.shape(), ".");
    const std::int64_t k = options_.kernel, height = (x.shape()[2] - k) / options_.stride + 1,
                       width = (x.shape()[3] - k) / options_.stride + 1;
    W.initialize({options_.out, height, width, x.shape()[1], k, k});
    if (options_.bias) b.initialize({options_.out, height, width});
  }
  return functions::local_convolution_2d(x, W, options_.bias ? &b : nullptr, options_.stride);
}

DeformableConvolution2D::DeformableConvolution2D(const DeformableConvolution2DOptions& o)
    : options_(o), offset_conv_(offset_convolution(o)), deform_conv_(deformed_convolution(o)) {
  add("offset_conv", offset_conv_);
  add("deform_conv", deform_conv_);
}
Variable DeformableConvolution2D::forward(const Variable& x) {
  if (!deform_conv_.W.is_initialized() && x.ndim() == 4) {
    deform_conv_.W.initialize({options_.out, x.shape()[1], options_.kernel, options_.kernel});
  }
  return functions::deformable_convolution_2d_sampler(
      x, offset_conv_(x), deform_conv_.W, options_.bias ? &deform_conv_.b : nullptr, options_.stride, options_.pad);
}

}  // namespace rensa
