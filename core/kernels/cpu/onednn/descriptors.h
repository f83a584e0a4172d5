#pragma once

#include <dnnl.hpp>

namespace rensa::onednn {

/// A convolution as oneDNN describes it; b is a zero descriptor where there is none.
struct ConvolutionDescription {
  dnnl::memory::desc x, W, b, y;
  dnnl::memory::dims stride, dilation, pad;  ///< oneDNN's dilation: 0 is a dense kernel
};

// oneDNN 2 and 3 make primitives in different ways: onednn_v2 or onednn_v3 is compiled.

dnnl::convolution_forward::primitive_desc describe_forward(const ConvolutionDescription& c,
                                                           const dnnl::primitive_attr& attributes,
                                                           const dnnl::engine& engine);
dnnl::convolution_backward_data::primitive_desc describe_backward_data(const ConvolutionDescription& c,
                                                                       const dnnl::primitive_attr& attributes,
                                                                       const dnnl::engine& engine);
dnnl::convolution_backward_weights::primitive_desc describe_backward_weights(const ConvolutionDescription& c,
                                                                             const dnnl::primitive_attr& attributes,
                                                                             const dnnl::engine& engine);
/// y = x W + b; b is a zero descriptor where there is none.
dnnl::matmul::primitive_desc describe_product(const dnnl::memory::desc& x, const dnnl::memory::desc& W,
                                              const dnnl::memory::desc& b, const dnnl::memory::desc& y,
                                              const dnnl::primitive_attr& attributes, const dnnl::engine& engine);

/// Whether the processor multiplies float16, and this oneDNN by it.
bool has_float16();

}  // namespace rensa::onednn
