#include "core/models/convolution_unit.h"

#include "core/functions/activation.h"
#include "core/links/normalized_convolution.h"

namespace rensa::models {

ConvolutionUnit::ConvolutionUnit(const ConvolutionUnitOptions& o)
    : options_(o),
      convolution_({.in = o.in,
                    .out = o.out,
                    .kernel = {o.kernel, o.kernel},
                    .window = {.stride = {o.stride, o.stride}, .pad = {o.pad, o.pad}, .groups = o.groups},
                    .bias = false,
                    .initial_W = init::he_normal(1, /*fan_out=*/true),
                    .dtype = o.dtype}),
      normalization_({.size = o.out, .eps = o.eps, .dtype = o.dtype}) {
  add(o.convolution_name, convolution_);
  add(o.normalization_name, normalization_);
}

Variable ConvolutionUnit::forward(const Variable& x) {
  using Activation = ConvolutionUnitOptions::Activation;
  const Variable y =
      normalized_convolution(convolution_, normalization_, x, {.relu = options_.activation == Activation::kRelu});
  return options_.activation == Activation::kRelu6 ? functions::relu6(y) : y;
}

}  // namespace rensa::models
