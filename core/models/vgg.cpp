#include "core/models/vgg.h"

#include <algorithm>
#include <array>
#include <map>

#include "core/error.h"
#include "core/functions/shape.h"
#include "core/models/layers.h"

namespace rensa::models {
namespace {

std::array<int, 5> stage_sizes(int layers) {
  static const std::map<int, std::array<int, 5>> table = {
      {11, {1, 1, 2, 2, 2}}, {13, {2, 2, 2, 2, 2}}, {16, {2, 2, 3, 3, 3}}, {19, {2, 2, 4, 4, 4}}};
  const auto found = table.find(layers);
  if (found != table.end()) return found->second;
  throw ValueError("Vgg: there is no network of ", layers, " layers, expected 11, 13, 16 or 19.");
}

}  // namespace

Vgg::Vgg(const VggOptions& o) : options_(o) {
  const std::array<int, 5> sizes = stage_sizes(o.layers);
  if (o.size < 32) throw ValueError("Vgg: pictures of ", o.size, " pixels are too small, expected 32 or more.");
  std::int64_t in = o.channels, side = o.size;
  for (std::size_t stage = 0; stage < sizes.size(); ++stage) {
    const std::int64_t width = std::min<std::int64_t>(64 << stage, 512);
    for (int i = 0; i < sizes[stage]; ++i, in = width) {
      append_convolution(features_, {.in = in, .out = width, .pad = 1, .dtype = o.dtype});
    }
    append_max_pooling(features_, 2, 2);
    side /= 2;
  }
  append_linear(classifier_, in * side * side, o.hidden, o.dtype);
  append_relu(classifier_);
  append_dropout(classifier_, o.dropout);
  append_linear(classifier_, o.hidden, o.hidden, o.dtype);
  append_relu(classifier_);
  append_dropout(classifier_, o.dropout);
  append_linear(classifier_, o.hidden, o.classes, o.dtype);
  add("features", features_);
  add("classifier", classifier_);
}

Variable Vgg::forward(const Variable& x) {
  const Variable h = features_(x);
  return classifier_(functions::reshape(h, {h.shape()[0], h.shape()[1] * h.shape()[2] * h.shape()[3]}));
}

namespace {
std::unique_ptr<Vgg> of_layers(VggOptions options, int layers) {
  options.layers = layers;
  return std::make_unique<Vgg>(options);
}
}  // namespace

std::unique_ptr<Vgg> vgg16(VggOptions options) { return of_layers(options, 16); }
std::unique_ptr<Vgg> vgg19(VggOptions options) { return of_layers(options, 19); }

}  // namespace rensa::models
