#pragma once

#include <cstdint>

#include "core/autograd/variable.h"
#include "core/functions/convolution_nd.h"

namespace rensa::functions {

/// Regions of pictures x (batch, C, H, W), brought to one size: rois (R, 4) are y_min, x_min, y_max, x_max in pixels of
/// the original picture, roi_indices (R) their pictures, and spatial_scale the size of x's pictures relative to the
/// original. The result is (R, C, height, width). rois have no gradient. Throws ShapeError, IndexError, ValueError
/// for a region that reaches 1e9 pixels far, and DeviceError where bins cut at whole pixels have their largest element
/// found: that is done on the host.
struct RegionOptions {
  std::int64_t height = 7, width = 7;
  double spatial_scale = 1;
  /// Of the aligned ones: places read in a bin, down and across; one number for both. Empty: as many as a bin of the
  /// region has pixels, rounded up. A place takes memory for four elements and their positions in each channel, 48
  /// bytes in float32, until the graph is released: a gigabyte for a region of 300 × 300 pixels inside of the picture
  /// and 256 channels. {2} bounds it at four places a bin.
  EachAxis sampling_ratio = {};
};

/// Bins cut at whole pixels. Source: Girshick, "Fast R-CNN", 2015.
/// @{
Variable roi_max_pooling_2d(const Variable& x, const Array& rois, const Array& roi_indices,
                            const RegionOptions& options = {});
Variable roi_average_pooling_2d(const Variable& x, const Array& rois, const Array& roi_indices,
                                const RegionOptions& options = {});
/// @}
/// Max pooling with Caffe's rounding; rois (R, 5) are the picture's number, x_min, y_min, x_max, y_max, the last pixel
/// included.
Variable roi_pooling_2d(const Variable& x, const Array& rois, std::int64_t height, std::int64_t width,
                        double spatial_scale = 1);

/// Bins read between pixels. A place outside of the picture counts as 0 in the average and not at all in the maximum,
/// which is -infinity, without a gradient, where all are outside. Source: He et al., "Mask R-CNN", 2017.
/// @{
Variable roi_max_align_2d(const Variable& x, const Array& rois, const Array& roi_indices,
                          const RegionOptions& options = {});
Variable roi_average_align_2d(const Variable& x, const Array& rois, const Array& roi_indices,
                              const RegionOptions& options = {});
/// @}

}  // namespace rensa::functions
