#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/autograd/variable.h"
#include "core/functions/convolution_nd.h"

namespace rensa::functions {

/// Options of pooling over any number of axes.
struct PoolingNdOptions {
  EachAxis stride = {}, pad = {};  ///< the kernel's size, 0
  bool cover_all = true;           ///< max pooling: the size is rounded up, so that every element counts
  /// Average pooling: 0, or none. With none the mean is over the elements of the window that are not padding.
  std::optional<double> pad_value = 0;
};

// Over any number of spatial axes: x (batch, C, d1, …). pooling.h has the two-dimensional ones, which are the fastest.

/// The largest element of each window, found on the host: throws DeviceError for an array of a GPU.
/// @{
Variable max_pooling_nd(const Variable& x, const EachAxis& kernel, const PoolingNdOptions& options = {});
Variable max_pooling_1d(const Variable& x, std::int64_t kernel, const PoolingNdOptions& options = {});
Variable max_pooling_3d(const Variable& x, const EachAxis& kernel, const PoolingNdOptions& options = {});
/// @}

/// The mean of each window. The size is always rounded down, cover_all is not used. Throws ValueError for a pad_value
/// that is neither 0 nor none.
Variable average_pooling_nd(const Variable& x, const EachAxis& kernel, const PoolingNdOptions& options = {});
/// average_pooling_nd() of one axis, or of three.
/// @{
Variable average_pooling_1d(const Variable& x, std::int64_t kernel, const PoolingNdOptions& options = {});
Variable average_pooling_3d(const Variable& x, const EachAxis& kernel, const PoolingNdOptions& options = {});
/// @}

/// Options of unpooling_nd() and its siblings.
struct UnpoolingOptions {
  EachAxis stride = {}, pad = {};  ///< the kernel's size, 0
  EachAxis outsize = {};           ///< empty: stride (size - 1) + kernel - 2 pad, and 1 - stride more if cover_all
  bool cover_all = true;
};
/// Each element spread over its window; where windows overlap they add up.
Variable unpooling_nd(const Variable& x, const EachAxis& kernel, const UnpoolingOptions& options = {});
/// unpooling_nd() of one, two or three axes.
/// @{
Variable unpooling_1d(const Variable& x, std::int64_t kernel, const UnpoolingOptions& options = {});
Variable unpooling_2d(const Variable& x, const EachAxis& kernel, const UnpoolingOptions& options = {});
Variable unpooling_3d(const Variable& x, const EachAxis& kernel, const UnpoolingOptions& options = {});
/// @}

/// Which element of each window max_pooling_nd takes, counted row by row in the window; int64, its result's shape. On
/// the host, as that.
Array max_pooling_indices(const Array& x, const EachAxis& kernel, const PoolingNdOptions& options = {});
/// Each element at the place in its window that `indices` (x's shape) name, 0 elsewhere: the inverse of max pooling.
Variable upsampling_2d(const Variable& x, const Array& indices, const EachAxis& kernel,
                       const UnpoolingOptions& options = {});

/// Max pooling into 1, 2 × 2, 4 × 4 … bins, `levels` of them: (batch, C (1 + 4 + …), 1, 1). Along an axis the bins are
/// windows of ceil(size / bins) elements, half of what they have too many before the first, rounded down, as Chainer's;
/// where one of them would hold none (5 elements in 4 bins), they are equal parts, cut at floor and ceiling.
/// Source: He et al., "Spatial pyramid pooling in deep convolutional networks for visual recognition", 2014.
Variable spatial_pyramid_pooling_2d(const Variable& x, int levels);

}  // namespace rensa::functions
