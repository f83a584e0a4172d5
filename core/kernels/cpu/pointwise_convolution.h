#pragma once

#include "core/kernels/convolution.h"

namespace rensa::cpu {

// A convolution of 1x1 windows without padding is a product: pixels by channels, times channels by channels. With a
// stride it is one of the pixels that windows lie on.

bool skips_pixels(const Shape& W, const kernels::ConvolutionGeometry& geometry);
/// The pixels of x that 1x1 windows lie on: a view.
Array pixels_under_windows(const Array& x, const kernels::ConvolutionGeometry& geometry);
/// `gradient` of those of a picture of x_shape, and 0 of the others. Lies channels-last.
Array with_skipped_pixels(const Array& gradient, const kernels::ConvolutionGeometry& geometry, const Shape& x_shape);

/// Whether products are measured to be faster than oneDNN's convolutions of channels-last pictures, on this processor:
/// for the convolution and the gradient of x. y is the shape of the convolution's result.
bool is_faster_as_product(const Shape& y, const Shape& W, const kernels::ConvolutionGeometry& geometry, Dtype dtype);
/// The same for the gradient of x that is added to gx.
bool sum_is_faster_as_product(const Shape& y, const Shape& W, const kernels::ConvolutionGeometry& geometry,
                              const Array& gx);
/// The same for the gradient of W.
bool gradient_of_weights_is_faster_as_product(const Shape& y, const Shape& W,
                                              const kernels::ConvolutionGeometry& geometry, Dtype dtype);

/// The convolution without a bias and its two gradients, as in kernels/convolution.h. Results lie channels-last.
/// @{
Array pointwise_convolution(const Array& x, const Array& W, const kernels::ConvolutionGeometry& geometry);
Array pointwise_backward_data(const Array& gy, const Array& W, const kernels::ConvolutionGeometry& geometry,
                              const Shape& x_shape);
void pointwise_add_backward_data(const Array& gy, const Array& W, const Array& gx);  ///< gx lies channels-last
Array pointwise_backward_weights(const Array& x, const Array& gy, const kernels::ConvolutionGeometry& geometry,
                                 const Shape& W_shape, const Array& destination);
/// @}

}  // namespace rensa::cpu
