#include "core/kernels/convolution.h"

#include "core/kernels/cuda/convolution_epilogue.h"
#include "core/kernels/cuda/convolution_plan.h"
#include "core/kernels/memory.h"

namespace rensa::kernels {
namespace {

using cuda::ConvolutionPass;
using cuda::ConvolutionPlan;

/// As cuDNN wants it to lie.
Array laid_out(const Array& x) {
  return cuda::convolution_layout(x.dtype()) == Layout::kChannelsLast ? x.channels_last() : x.contiguous();
}
Array pictures(const Shape& shape, const Array& like) {
  return empty(shape, like.dtype(), like.device(), cuda::convolution_layout(like.dtype()));
}

Array fused(const Array& x, const Array& W, const Array& b, const ConvolutionGeometry& g, const Array& residual,
            bool relu) {
  const Array y = pictures(output_shape(x.shape(), W.shape(), g), x);
  if (y.size() == 0) return y;
  const Array source = laid_out(x), weights = laid_out(W);
  ConvolutionPlan::find(ConvolutionPass::kForward, source, weights, y, g).run(source, weights, y);
  if (b || residual || relu) cuda::finish_convolution(y, b, residual, relu);
  return y;
}

Array plain(const Array& x, const Array& W, const Array& b, const ConvolutionGeometry& g) {
  return fused(x, W, b, g, Array(), /*relu=*/false);
}

Array backward_data(const Array& gy, const Array& W, const ConvolutionGeometry& g, const Shape& x_shape) {
  const Array gx = pictures(x_shape, gy);
  if (gx.size() == 0) return gx;
  if (gy.size() == 0) {
    gx.fill(0);
    return gx;
  }
  const Array gradient = laid_out(gy), weights = laid_out(W);
  ConvolutionPlan::find(ConvolutionPass::kBackwardData, gx, weights, gradient, g).run(gx, weights, gradient);
  return gx;
}

void add_backward_data(const Array& gy, const Array& W, const ConvolutionGeometry& g, const Array& gx) {
  accumulate(gx, backward_data(gy, W, g, gx.shape()));
}

Array backward_weights(const Array& x, const Array& gy, const ConvolutionGeometry& g, const Shape& W_shape,
                       const Array& destination) {
  if (gy.size() == 0 || x.size() == 0) {
    const Array nothing = destination ? destination : empty(W_shape, x.dtype(), x.device());
    nothing.fill(0);
    return nothing;
  }
  const Array source = laid_out(x), gradient = laid_out(gy);
  // A 1 x 1 convolution's weights lie alike in both layouts.
  const bool direct =
      destination && (cuda::convolution_layout(x.dtype()) == Layout::kRowMajor || destination.is_channels_last());
  const Array gW = direct ? destination : pictures(W_shape, x);
  ConvolutionPlan::find(ConvolutionPass::kBackwardWeights, source, gW, gradient, g).run(source, gW, gradient);
  if (!destination || direct) return gW;
  copy(destination, gW);
  return destination;
}

constexpr DeviceKind kCuda = DeviceKind::kCuda;
const Implementation cuda_forward(convolution, kCuda, plain);
const Implementation cuda_fused(fused_convolution, kCuda, fused);
const Implementation cuda_backward_data(convolution_backward_data, kCuda, backward_data);
const Implementation cuda_add_backward_data(convolution_add_backward_data, kCuda, add_backward_data);
const Implementation cuda_backward_weights(convolution_backward_weights, kCuda, backward_weights);

}  // namespace
}  // namespace rensa::kernels
