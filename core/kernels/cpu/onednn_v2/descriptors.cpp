#include "core/kernels/cpu/onednn/descriptors.h"

namespace rensa::onednn {

using namespace dnnl;

namespace {
constexpr auto kDirect = algorithm::convolution_direct;

convolution_forward::desc forward_desc(const ConvolutionDescription& c) {
  if (c.b.is_zero()) {
    return {prop_kind::forward_training, kDirect, c.x, c.W, c.y, c.stride, c.dilation, c.pad, c.pad};
  }
  return {prop_kind::forward_training, kDirect, c.x, c.W, c.b, c.y, c.stride, c.dilation, c.pad, c.pad};
}
}  // namespace

convolution_forward::primitive_desc describe_forward(const ConvolutionDescription& c, const primitive_attr& attributes,
                                                     const engine& engine) {
  return {forward_desc(c), attributes, engine};
}

convolution_backward_data::primitive_desc describe_backward_data(const ConvolutionDescription& c,
                                                                 const primitive_attr& attributes,
                                                                 const engine& engine) {
  const convolution_forward::primitive_desc hint(forward_desc(c), engine);
  return {{kDirect, c.x, c.W, c.y, c.stride, c.dilation, c.pad, c.pad}, attributes, engine, hint};
}

convolution_backward_weights::primitive_desc describe_backward_weights(const ConvolutionDescription& c,
                                                                       const primitive_attr& attributes,
                                                                       const engine& engine) {
  const convolution_forward::primitive_desc hint(forward_desc(c), engine);
  return {{kDirect, c.x, c.W, c.y, c.stride, c.dilation, c.pad, c.pad}, attributes, engine, hint};
}

matmul::primitive_desc describe_product(const memory::desc& x, const memory::desc& W, const memory::desc& b,
                                        const memory::desc& y, const primitive_attr& attributes, const engine& engine) {
  return {b.is_zero() ? matmul::desc(x, W, y) : matmul::desc(x, W, b, y), attributes, engine};
}

bool has_float16() { return false; }  // oneDNN 2 computes none on processors

}  // namespace rensa::onednn
