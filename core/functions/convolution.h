#pragma once

#include "core/autograd/variable.h"
#include "core/kernels/convolution.h"

namespace rensa::functions {

using ConvolutionOptions = kernels::ConvolutionGeometry;  ///< .stride, .pad, .dilate (vertical, horizontal), .groups

/// Two-dimensional convolution (cross-correlation), y = x * W + b.
///
///   x        (batch, C, H, W'), float32 or float64
///   W        (K, C / groups, kh, kw)
///   b        (K), or none
///   returns  (batch, K, OH, OW), OH = (H + 2 pad - dilate (kh - 1) - 1) / stride + 1, rounded down
/// With cover_all OH is rounded up, so that every pixel is seen. float32 results lie channels-last. Throws ShapeError
/// that names the shapes if they do not fit, ValueError for an option out of range.
Variable convolution_2d(const Variable& x, const Variable& W, const Variable* b = nullptr,
                        const ConvolutionOptions& options = {}, bool cover_all = false);

/// The adjoint of convolution_2d without b: what it gives back to x of shape x_shape for gy. Deconvolution is this.
Variable convolution_2d_backward_data(const Variable& gy, const Variable& W, const ConvolutionOptions& options,
                                      const Shape& x_shape);

/// convolution_2d plus `residual` (y's shape), then relu if asked, in one pass and without a gradient: for inference.
Variable fused_convolution_2d(const Variable& x, const Variable& W, const Variable* b,
                              const ConvolutionOptions& options, const Variable* residual, bool relu);

}  // namespace rensa::functions
