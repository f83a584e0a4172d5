#pragma once

#include <cstdint>
#include <vector>

#include "core/autograd/variable.h"
#include "core/functions/convolution.h"

namespace rensa::functions {

/// Numbers for each spatial axis: empty for the default, one for all axes.
using EachAxis = std::vector<std::int64_t>;

/// Options of convolution_nd() and its siblings.
struct ConvolutionNdOptions {
  EachAxis stride = {}, pad = {}, dilate = {};  ///< 1, 0, 1
  std::int64_t groups = 1;
  bool cover_all = false;  ///< the output's size is rounded up, so that every pixel is seen
};

/// Convolution over any number of spatial axes: x (batch, C, d1, …), W (K, C / groups, k1, …), b (K) or none. More than
/// two axes are sums of two-dimensional ones. Refusals as convolution_2d.
Variable convolution_nd(const Variable& x, const Variable& W, const Variable* b = nullptr,
                        const ConvolutionNdOptions& options = {});
/// convolution_nd() of one axis, x (batch, C, d), or of three, x (batch, C, d1, d2, d3).
/// @{
Variable convolution_1d(const Variable& x, const Variable& W, const Variable* b = nullptr,
                        const ConvolutionNdOptions& options = {});
Variable convolution_3d(const Variable& x, const Variable& W, const Variable* b = nullptr,
                        const ConvolutionNdOptions& options = {});
/// @}
/// convolution_2d with `dilate` in both directions.
Variable dilated_convolution_2d(const Variable& x, const Variable& W, const Variable* b = nullptr,
                                std::int64_t stride = 1, std::int64_t pad = 0, std::int64_t dilate = 1,
                                bool cover_all = false);

/// Options of deconvolution_nd() and its siblings.
struct DeconvolutionOptions {
  EachAxis stride = {}, pad = {}, dilate = {};  ///< 1, 0, 1
  EachAxis outsize = {};                        ///< empty: stride (size - 1) + dilate (k - 1) + 1 - 2 pad
  std::int64_t groups = 1;
};
/// Transposed convolution, the adjoint of a convolution: x (batch, C, d1, …), W (C, K / groups, k1, …), b (K) or none.
/// Throws ShapeError if x and W do not fit, or if `outsize` is not the input of such a convolution.
Variable deconvolution_nd(const Variable& x, const Variable& W, const Variable* b = nullptr,
                          const DeconvolutionOptions& options = {});
/// deconvolution_nd() of one, two or three axes.
/// @{
Variable deconvolution_1d(const Variable& x, const Variable& W, const Variable* b = nullptr,
                          const DeconvolutionOptions& options = {});
Variable deconvolution_2d(const Variable& x, const Variable& W, const Variable* b = nullptr,
                          const DeconvolutionOptions& options = {});
Variable deconvolution_3d(const Variable& x, const Variable& W, const Variable* b = nullptr,
                          const DeconvolutionOptions& options = {});
/// @}

/// Each channel by itself: W (multiplier, C, kh, kw), b (C multiplier) or none; channel c gives outputs c multiplier +
/// m.
Variable depthwise_convolution_2d(const Variable& x, const Variable& W, const Variable* b = nullptr,
                                  std::int64_t stride = 1, std::int64_t pad = 0);
/// A window of its own at every place: W (K, OH, OW, C, kh, kw), b (K, OH, OW) or none.
Variable local_convolution_2d(const Variable& x, const Variable& W, const Variable* b = nullptr,
                              std::int64_t stride = 1);

/// Windows over every spatial axis.
struct WindowOptions {
  EachAxis stride = {}, pad = {}, dilate = {};  ///< 1, 0, 1
  bool cover_all = false;
};
/// The windows of a picture as columns: x (batch, C, H, W) to (batch, C kh kw, OH, OW).
Variable im2col(const Variable& x, const EachAxis& ksize, const WindowOptions& options = {});

/// Channels moved by `dilate` pixels each: group g of the ksize² groups of channels moves from the centre of a window
/// towards its pixel g; what comes in is 0. The last group and the one whose pixel is the centre have changed places,
/// so that the channels which are left over stay where they are with the last group. Throws ShapeError for fewer
/// channels than groups. Source: Wu et al., "Shift: a zero FLOP, zero parameter alternative to spatial convolutions",
/// 2017.
Variable shift(const Variable& x, std::int64_t ksize = 3, std::int64_t dilate = 1);

/// y_k = e1ᵀ W_k e2 (+ e1 V1 + e2 V2 + b): e1 (batch, J), e2 (batch, K), W (J, K, L), V1 (J, L), V2 (K, L), b (L).
Variable bilinear(const Variable& e1, const Variable& e2, const Variable& W);
/// The same with the linear terms.
Variable bilinear(const Variable& e1, const Variable& e2, const Variable& W, const Variable& V1, const Variable& V2,
                  const Variable& b);

}  // namespace rensa::functions
