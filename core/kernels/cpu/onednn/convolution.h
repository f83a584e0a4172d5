#pragma once

#include "core/kernels/convolution.h"

namespace rensa::onednn {

// Convolutions by oneDNN, channels-last, float32 and what else it computes() on this processor.

Array convolution(const Array& x, const Array& W, const Array& b, const kernels::ConvolutionGeometry& geometry,
                  const Array& residual = {});
Array convolution_backward_data(const Array& gy, const Array& W, const kernels::ConvolutionGeometry& geometry,
                                const Shape& x_shape);
Array convolution_backward_weights(const Array& x, const Array& gy, const kernels::ConvolutionGeometry& geometry,
                                   const Shape& W_shape, const Array& destination);

/// Whether oneDNN is known to be wrong about such a gradient in 16 bits: to be computed in float32.
/// @{
bool errs_in_gradient_of_x(const Array& gy, const Shape& W, const kernels::ConvolutionGeometry& geometry);
bool errs_in_gradient_of_weights(const Array& x, const Shape& W, const kernels::ConvolutionGeometry& geometry);
/// @}

}  // namespace rensa::onednn
