#include "core/kernels/convolution.h"

namespace rensa::kernels {

Shape output_shape(const Shape& x, const Shape& W, const ConvolutionGeometry& g) {
  const auto positions = [&](int axis) {
    const auto a = static_cast<std::size_t>(axis);
    return (x[axis + 2] + 2 * g.pad[a] - (W[axis + 2] - 1) * g.dilate[a] - 1) / g.stride[a] + 1;
  };
  return {x[0], W[0], positions(0), positions(1)};
}

constinit Kernel<Array(const Array&, const Array&, const Array&, const ConvolutionGeometry&)> convolution(
    "convolution");
constinit Kernel<Array(const Array&, const Array&, const Array&, const ConvolutionGeometry&, const Array&, bool)>
    fused_convolution("fused_convolution");
constinit Kernel<Array(const Array&, const Array&, const ConvolutionGeometry&, const Shape&)> convolution_backward_data(
    "convolution_backward_data");
constinit Kernel<void(const Array&, const Array&, const ConvolutionGeometry&, const Array&)>
    convolution_add_backward_data("convolution_add_backward_data");
constinit Kernel<Array(const Array&, const Array&, const ConvolutionGeometry&, const Shape&, const Array&)>
    convolution_backward_weights("convolution_backward_weights");

}  // namespace rensa::kernels
