#include "core/kernels/cpu/onednn/descriptors.h"
#include "core/kernels/cpu/onednn/instructions.h"

namespace rensa::onednn {

using namespace dnnl;

namespace {
constexpr auto kDirect = algorithm::convolution_direct;
}

convolution_forward::primitive_desc describe_forward(const ConvolutionDescription& c, const primitive_attr& attributes,
                                                     const engine& engine) {
  return {engine,    prop_kind::forward_training, kDirect, c.x, c.W, c.b, c.y, c.stride, c.dilation, c.pad, c.pad,
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

matmul::primitive_desc describe_product(const memory::desc& x, const memory::desc& W, const memory::desc& b,
                                        const memory::desc& y, const primitive_attr& attributes, const engine& engine) {
  if (b.is_zero()) return {engine, x, W, y, attributes};
  return {engine, x, W, b, y, attributes};
}

bool has_float16() { return has_instructions(cpu_isa::avx512_core_fp16); }

}  // namespace rensa::onednn
