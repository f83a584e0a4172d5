#include "core/models/vgg.h"

#include <algorithm>

#include "core/error.h"
#include "core/functions/shape.h"
#include "core/models/layers.h"

namespace rensa::models {

Vgg::Vgg(const VggOptions& o) : options_(o) {
  if (o.layers != 16 && o.layers != 19) {
    throw ValueError("Vgg: there is no network of ", o.layers, " layers, expected 16 or 19.");
  }
  if (o.size < 32) throw ValueError("Vgg: pictures of ", o.size, " pixels are too small, expected 32 or more.");
  std::int64_t in = o.channels, side = o.size;
  for (int stage = 0; stage < 5; ++stage) {
    const std::int64_t width = std::min<std::int64_t>(64 << stage, 512);
    const int convolutions = stage < 2 ? 2 : o.layers == 16 ? 3 : 4;
    for (int i = 0; i < convolutions; ++i, in = width) {
      append_convolution(features_, {.in = in, .out = width, .pad = 1, .dtype = o.dtype});
    }
    append_max_pooling(features_, 2, 2);
    side /= 2;
  }
  append_linear(classifier_, in * side * side, 4096, o.dtype);
  append_relu(classifier_);
  append_dropout(classifier_, o.dropout);
  append_linear(classifier_, 4096, 4096, o.dtype);
  append_relu(classifier_);
  append_dropout(classifier_, o.dropout);
  append_linear(classifier_, 4096, o.classes, o.dtype);
  add("features", features_);
  add("classifier", classifier_);
}

Variable Vgg::operator()(const Variable& x) {
  const Variable h = features_(x);
  return classifier_(functions::reshape(h, {h.shape()[0], -1}));
}

}  // namespace rensa::models
