#pragma once
#include <dnnl.hpp>

#include "benchmarks/floor/network_shapes.h"

namespace rensa::floor {

/// The three primitives of a convolution; `tag` is the layout of x and y, weights are free.
/// oneDNN 2 and 3 describe them differently, so each has a file: descriptors_v2.cpp and _v3.cpp.
struct ConvolutionDescriptors {
  dnnl::convolution_forward::primitive_desc forward;
  dnnl::convolution_backward_data::primitive_desc backward_data;
  dnnl::convolution_backward_weights::primitive_desc backward_weights;
};
ConvolutionDescriptors describe(const Convolution& c, dnnl::memory::format_tag tag, dnnl::memory::data_type element,
                                const dnnl::engine& engine);

struct ConvolutionShapes {
  dnnl::memory::desc x, W, y;
  dnnl::memory::dims stride, pad;
  ConvolutionShapes(const Convolution& c, dnnl::memory::format_tag tag, dnnl::memory::data_type element)
      : x({c.batch, c.channels, c.height, c.width}, element, tag),
        W({c.out_channels, c.channels, c.kernel, c.kernel}, element, dnnl::memory::format_tag::any),
        y({c.batch, c.out_channels, c.out_height(), c.out_width()}, element, tag),
        stride{c.stride, c.stride},
        pad{c.pad(), c.pad()} {}
};

}  // namespace rensa::floor
