#pragma once

#include <array>
#include <cstdint>

#include "core/kernels/kernel.h"

namespace rensa::kernels {

/// How the windows of a two-dimensional operation lie: {vertical, horizontal}.
struct ConvolutionGeometry {
  std::array<std::int64_t, 2> stride = {1, 1}, pad = {0, 0}, dilate = {1, 1};
  std::int64_t groups = 1;

  friend bool operator==(const ConvolutionGeometry&, const ConvolutionGeometry&) = default;
};

/// The shape of y for x (N, C, H, W) and W (K, C / groups, kh, kw).
Shape output_shape(const Shape& x, const Shape& W, const ConvolutionGeometry& geometry);

// x (N, C, H, W), W (K, C / groups, kh, kw), b (K) or no array, y (N, K, OH, OW). float32 works channels-last: other
// layouts are copied, results are channels-last. float64 gives row-major results.

extern Kernel<Array(const Array& x, const Array& W, const Array& b, const ConvolutionGeometry& geometry)> convolution;
/// The same plus `residual` (y's shape, or no array), then relu if asked, without another pass over y. For inference.
extern Kernel<Array(const Array& x, const Array& W, const Array& b, const ConvolutionGeometry& geometry,
                    const Array& residual, bool relu)>
    fused_convolution;
/// The gradient of x, of shape x_shape.
extern Kernel<Array(const Array& gy, const Array& W, const ConvolutionGeometry& geometry, const Shape& x_shape)>
    convolution_backward_data;
/// The same, added to gx in place.
extern Kernel<void(const Array& gy, const Array& W, const ConvolutionGeometry& geometry, const Array& gx)>
    convolution_add_backward_data;
/// The gradient of W, of shape W_shape, written to `destination` (contiguous) if that is an array.
extern Kernel<Array(const Array& x, const Array& gy, const ConvolutionGeometry& geometry, const Shape& W_shape,
                    const Array& destination)>
    convolution_backward_weights;

}  // namespace rensa::kernels
