#include "benchmarks/floor/convolution_descriptors.h"
#include "benchmarks/floor/product_descriptor.h"

namespace rensa::floor {

ConvolutionDescriptors describe(const Convolution& c, dnnl::memory::format_tag tag, dnnl::memory::data_type element,
                                const dnnl::engine& engine) {
  using namespace dnnl;
  const ConvolutionShapes s(c, tag, element);
  constexpr auto kDirect = algorithm::convolution_direct;
  convolution_forward::primitive_desc forward(engine, prop_kind::forward_training, kDirect, s.x, s.W, s.y, s.stride,
                                              s.pad, s.pad);
  convolution_backward_data::primitive_desc data(engine, kDirect, s.x, s.W, s.y, s.stride, s.pad, s.pad, forward);
  convolution_backward_weights::primitive_desc weights(engine, kDirect, s.x, s.W, s.y, s.stride, s.pad, s.pad, forward);
  return {forward, data, weights};
}

dnnl::matmul::primitive_desc describe_product(const dnnl::memory::desc& a, const dnnl::memory::desc& b,
                                              const dnnl::memory::desc& c, const dnnl::engine& engine) {
  return {engine, a, b, c};
}

}  // namespace rensa::floor
