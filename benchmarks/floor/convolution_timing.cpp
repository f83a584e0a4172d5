#include "benchmarks/floor/convolution_timing.h"

#include "benchmarks/floor/convolution_descriptors.h"
#include "benchmarks/floor/primitive_timing.h"
#include "benchmarks/floor/product_timing.h"

namespace rensa::floor {

LayerTime time_convolution(const Convolution& c, dnnl::memory::data_type element) {
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  LayerTime best;
  const auto offer = [&](Best& way, const dnnl::primitive& primitive, const Tensors& tensors, const char* name) {
    way.offer([&] { return time_primitive(primitive, engine, tensors); }, name);
  };
  const std::pair<dnnl::memory::format_tag, const char*> layouts[] = {{dnnl::memory::format_tag::any, "any"},
                                                                      {dnnl::memory::format_tag::nhwc, "nhwc"}};
  for (const auto& [tag, name] : layouts) {
    const ConvolutionDescriptors d = describe(c, tag, element, engine);
    offer(best.forward, dnnl::convolution_forward(d.forward),
          {{DNNL_ARG_SRC, d.forward.src_desc()},
           {DNNL_ARG_WEIGHTS, d.forward.weights_desc()},
           {DNNL_ARG_DST, d.forward.dst_desc()}},
          name);
    if (!c.first) {
      offer(best.backward_data, dnnl::convolution_backward_data(d.backward_data),
            {{DNNL_ARG_DIFF_SRC, d.backward_data.diff_src_desc()},
             {DNNL_ARG_WEIGHTS, d.backward_data.weights_desc()},
             {DNNL_ARG_DIFF_DST, d.backward_data.diff_dst_desc()}},
            name);
    }
    offer(best.backward_weights, dnnl::convolution_backward_weights(d.backward_weights),
          {{DNNL_ARG_SRC, d.backward_weights.src_desc()},
           {DNNL_ARG_DIFF_WEIGHTS, d.backward_weights.diff_weights_desc()},
           {DNNL_ARG_DIFF_DST, d.backward_weights.diff_dst_desc()}},
          name);
  }
  if (c.kernel == 1) {  // with a stride, of the pixels that it reads: to gather and scatter them is not counted
    const std::int64_t pixels = c.batch * c.out_height() * c.out_width();
    const LayerTime product = time_layer({pixels, c.channels, c.out_channels, c.first}, element);
    best.forward.offer(product.forward, "product");
    best.backward_data.offer(product.backward_data, "product");
    best.backward_weights.offer(product.backward_weights, "product");
  }
  return best;
}

}  // namespace rensa::floor
