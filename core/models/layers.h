#pragma once

#include <cstdint>

#include "core/links/link.h"

namespace rensa::models {

// Layers for a Sequential; each call below appends one position, a convolution two (itself and relu), as torchvision counts.

struct PlainConvolution {
  std::int64_t in, out, kernel = 3, stride = 1, pad = 0;
  Dtype dtype = Dtype::kFloat32;
};
/// A convolution with bias and He-normal weights, and relu.
void append_convolution(Sequential& layers, const PlainConvolution& convolution);
/// A linear layer with weights N(0, 0.01²), as the networks of 2012 to 2014 have them.
void append_linear(Sequential& layers, std::int64_t in, std::int64_t out, Dtype dtype);
void append_relu(Sequential& layers);
void append_dropout(Sequential& layers, double ratio);
/// `cover_all`: a last window may reach over the edge (Caffe's rounding up).
void append_max_pooling(Sequential& layers, std::int64_t kernel, std::int64_t stride, bool cover_all = false);

}  // namespace rensa::models
