#pragma once

#include "core/kernels/convolution.h"

namespace rensa::cpu {

/// The windows of one picture as the columns of a matrix: x (C, H, W) row-major; columns (C × kh × kw, OH × OW).
/// Chellapilla, Puri, Simard, "High performance convolutional neural networks for document processing", 2006.
struct WindowColumns {
  std::int64_t channels, height, width;
  std::int64_t kernel_height, kernel_width, out_height, out_width;
  kernels::ConvolutionGeometry geometry;

  std::int64_t rows() const { return channels * kernel_height * kernel_width; }
  std::int64_t size() const { return out_height * out_width; }
  void gather(const double* x, double* columns) const;       ///< pixels outside are 0
  void scatter_add(const double* columns, double* x) const;  ///< the adjoint; x is added to
};

}  // namespace rensa::cpu
