#include "core/models/layers.h"

#include <string>

#include "core/functions/activation.h"
#include "core/functions/dropout.h"
#include "core/functions/pooling.h"
#include "core/links/convolution_2d.h"
#include "core/links/linear.h"

namespace rensa::models {

void NumberedLayers::append(std::unique_ptr<UnaryLink> link) {
  add(std::to_string(layers_.size()), *link);
  layers_.push_back({std::move(link), nullptr});
}

Variable NumberedLayers::forward(const Variable& x) {
  Variable h = x;
  for (const Layer& layer : layers_) h = layer.link ? (*layer.link)(h) : layer.function(h);
  return h;
}

void append_convolution(NumberedLayers& layers, const PlainConvolution& c) {
  layers.append(std::make_unique<Convolution2D>(
      Convolution2DOptions{.in = c.in,
                           .out = c.out,
                           .kernel = {c.kernel, c.kernel},
                           .window = {.stride = {c.stride, c.stride}, .pad = {c.pad, c.pad}},
                           .initial_W = init::he_normal(1, /*fan_out=*/true),
                           .dtype = c.dtype}));
  append_relu(layers);
}

void append_linear(NumberedLayers& layers, std::int64_t in, std::int64_t out, Dtype dtype) {
  layers.append(
      std::make_unique<Linear>(LinearOptions{.in = in, .out = out, .initial_W = init::normal(0.01), .dtype = dtype}));
}

void append_relu(NumberedLayers& layers) {
  layers.append(NumberedLayers::Function([](const Variable& x) { return functions::relu(x); }));
}

void append_dropout(NumberedLayers& layers, double ratio) {
  layers.append(NumberedLayers::Function([ratio](const Variable& x) { return functions::dropout(x, ratio); }));
}

void append_max_pooling(NumberedLayers& layers, std::int64_t kernel, std::int64_t stride, bool cover_all) {
  layers.append(NumberedLayers::Function([=](const Variable& x) {
    return functions::max_pooling_2d(
        x, {.kernel = {kernel, kernel}, .stride = {{stride, stride}}, .cover_all = cover_all});
  }));
}

}  // namespace rensa::models
