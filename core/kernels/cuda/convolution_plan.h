#pragma once

#include <cudnn.h>

#include <string>

#include "core/array/array.h"
#include "core/device/gpu/algorithm_cache.h"
#include "core/kernels/convolution.h"

namespace rensa::cuda {

enum class ConvolutionPass { kForward, kBackwardData, kBackwardWeights };

/// One convolution of cuDNN: descriptors and the algorithm, which was measured once for these shapes (and is remembered
/// on disk, see AlgorithmCache). Only algorithms that give the same bits every time are taken. All arrays lie
/// channels-last, in float64 row-major.
class ConvolutionPlan {
 public:
  /// The plan for these shapes, made when first asked for. `dtype` is of all three arrays. x, W and y are the arrays
  /// that the pass is going to run on: the search measures with them, and the pass overwrites its result afterwards.
  static const ConvolutionPlan& find(ConvolutionPass pass, const Array& x, const Array& W, const Array& y,
                                     const kernels::ConvolutionGeometry& geometry);

  void run(const Array& x, const Array& W, const Array& y) const;

  ~ConvolutionPlan();
  ConvolutionPlan(const ConvolutionPlan&) = delete;
  ConvolutionPlan& operator=(const ConvolutionPlan&) = delete;

 private:
  ConvolutionPlan(ConvolutionPass pass, const Array& x, const Array& W, const Array& y,
                  const kernels::ConvolutionGeometry& geometry, bool tf32, const std::string& key);
  void describe(const Array& x, const Array& W, const Array& y, const kernels::ConvolutionGeometry& geometry);
  gpu::AlgorithmChoice measure(const Array& x, const Array& W, const Array& y) const;

  ConvolutionPass pass_;
  bool tf32_;
  cudnnTensorDescriptor_t x_ = nullptr, y_ = nullptr;
  cudnnFilterDescriptor_t W_ = nullptr;
  cudnnConvolutionDescriptor_t convolution_ = nullptr;
  gpu::AlgorithmChoice choice_;
};

/// How arrays of `dtype` lie for cuDNN.
Layout convolution_layout(Dtype dtype);

}  // namespace rensa::cuda
