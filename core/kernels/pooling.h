#pragma once

#include <array>
#include <cstdint>

#include "core/kernels/kernel.h"

namespace rensa::kernels {

/// Windows of a pooling: {vertical, horizontal}.
struct PoolingGeometry {
  std::array<std::int64_t, 2> kernel = {2, 2}, stride = {2, 2}, pad = {0, 0};
};

// x (N, C, H, W), float32 or float64, worked on channels-last; results are channels-last. The output's size is the
// caller's decision: windows may reach over the edge, where there are no pixels.

struct MaxPooled {
  Array y;
  Array places;  ///< int32, y's shape and layout: which pixel (row × W + column) was the largest
};
extern Kernel<MaxPooled(const Array& x, const PoolingGeometry& geometry, const Shape& y_shape)> max_pooling;
/// Zeros of x_shape with gy added at the places, which windows of that geometry have found.
extern Kernel<Array(const Array& gy, const Array& places, const PoolingGeometry& geometry, const Shape& x_shape)>
    max_pooling_scatter;
/// x's elements at the places.
extern Kernel<Array(const Array& x, const Array& places)> max_pooling_gather;

/// The sum over each window divided by its whole size, pixels outside counting as 0.
extern Kernel<Array(const Array& x, const PoolingGeometry& geometry, const Shape& y_shape)> average_pooling;
extern Kernel<Array(const Array& gy, const PoolingGeometry& geometry, const Shape& x_shape)> average_pooling_grad;

}  // namespace rensa::kernels
