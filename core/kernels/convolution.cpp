#include "core/kernels/convolution.h"

namespace rensa::kernels {

constinit Kernel<Array(const Array&, const Array&, const Array&, const ConvolutionGeometry&)> convolution("convolution");
constinit Kernel<Array(const Array&, const Array&, const ConvolutionGeometry&, const Shape&)> convolution_backward_data(
    "convolution_backward_data");
constinit Kernel<Array(const Array&, const Array&, const ConvolutionGeometry&, const Shape&, const Array&)>
    convolution_backward_weights("convolution_backward_weights");

}  // namespace rensa::kernels
