#include "core/kernels/cpu/onednn/descriptors.h"

namespace rensa::onednn {

using namespace dnnl;

namespace {
constexpr auto kDirect = algorithm::convolution_direct;
}

convolution_forward::primitive_desc describe_forward(const ConvolutionDescription& c, const primitive_attr& attributes,
                                                     const engine& engine) {
  return {engine, prop_kind::forward_training, kDirect, c.x, c.W, c.b, c.y, c.stride, c.dilation, c.pad, c.pad,
          attributes};
}

convolution_backward_data::primitive_desc describe_backward_data(const ConvolutionDescription& c,
                                                                 const primitive_attr& attributes,
                                                                 const engine& engine) {
  const convolution_forward::primitive_desc hint = describe_forward(c, {}, engine);
  return {engine, kDirect, c.x, c.W, c.y, c.stride, c.dilation, c.pad, c.pad, hint, attributes};
}

convolution_backward_weights::primitive_desc describe_backward_weights(const ConvolutionDescription& c,
                                                                       const primitive_attr& attributes,
                                                                       const engine& engine) {
  const convolution_forward::primitive_desc hint = describe_forward(c, {}, engine);
  return {engine, kDirect, c.x, c.W, c.y, c.stride, c.dilation, c.pad, c.pad, hint, attributes};
}

void append_relu(post_ops& operations) { operations.append_eltwise(algorithm::eltwise_relu, 0, 0); }

}  // namespace rensa::onednn
