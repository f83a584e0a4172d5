#include "core/models/alexnet.h"

#include "core/error.h"
#include "core/functions/activation.h"
#include "core/functions/shape.h"
#include "core/models/layers.h"

namespace rensa::models {

AlexNet::AlexNet(const AlexNetOptions& o) : options_(o) {
  const auto convolution = [&](std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                               std::int64_t pad) {
    append_convolution(features_,
                       {.in = in, .out = out, .kernel = kernel, .stride = stride, .pad = pad, .dtype = o.dtype});
  };
  const auto pooled = [](std::int64_t side) { return (side - 3) / 2 + 1; };
  std::int64_t side = (o.size + 4 - 11) / 4 + 1;
  side = pooled(pooled(pooled(side)));
  if (o.size < 63) throw ValueError("AlexNet: pictures of ", o.size, " pixels are too small, expected 63 or more.");
  convolution(o.channels, 64, 11, 4, 2);
  append_max_pooling(features_, 3, 2);
  convolution(64, 192, 5, 1, 2);
  append_max_pooling(features_, 3, 2);
  convolution(192, 384, 3, 1, 1);
  convolution(384, 256, 3, 1, 1);
  convolution(256, 256, 3, 1, 1);
  append_max_pooling(features_, 3, 2);
  append_dropout(classifier_, o.dropout);
  append_linear(classifier_, 256 * side * side, 4096, o.dtype);
  append_relu(classifier_);
  append_dropout(classifier_, o.dropout);
  append_linear(classifier_, 4096, 4096, o.dtype);
  append_relu(classifier_);
  append_linear(classifier_, 4096, o.classes, o.dtype);
  add("features", features_);
  add("classifier", classifier_);
}

Variable AlexNet::forward(const Variable& x) {
  const Variable h = features_(x);
  return classifier_(functions::reshape(h, {h.shape()[0], h.shape()[1] * h.shape()[2] * h.shape()[3]}));
}

}  // namespace rensa::models
