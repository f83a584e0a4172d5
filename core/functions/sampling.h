#pragma once

#include <cstdint>

#include "core/autograd/variable.h"
#include "core/functions/convolution_nd.h"

namespace rensa::functions {

// Pictures read at places that are not pixels: x (batch, C, H, W).

/// Between pixels: blended from four, or the nearest one.
enum class ResizeMode { kBilinear, kNearest };
/// x at another size. With align_corners the corners' centres stay where they are; without, the picture's edges do. The
/// nearest pixel is number floor(i in / out) of an axis either way.
Variable resize_images(const Variable& x, std::int64_t height, std::int64_t width,
                       ResizeMode mode = ResizeMode::kBilinear, bool align_corners = true);

/// Places for spatial_transformer_sampler: theta (batch, 2, 3) maps output to input coordinates, both in [-1, 1].
/// (batch, 2, height, width), x first. Source: Jaderberg et al., "Spatial transformer networks", 2015.
Variable spatial_transformer_grid(const Variable& theta, std::int64_t height, std::int64_t width);
/// x between pixels at the grid's (batch, 2, h, w) places, bilinear, differentiable in both: (batch, C, h, w). Outside
/// is 0.
Variable spatial_transformer_sampler(const Variable& x, const Variable& grid);

/// Convolution whose window elements are moved by `offset` (batch, 2 kh kw, OH, OW): x first for all of them, then y.
/// Source: Dai et al., "Deformable convolutional networks", 2017.
Variable deformable_convolution_2d_sampler(const Variable& x, const Variable& offset, const Variable& W,
                                           const Variable* b = nullptr, std::int64_t stride = 1, std::int64_t pad = 0);

}  // namespace rensa::functions
