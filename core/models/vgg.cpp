#include "core/models/vgg.h"

#include <algorithm>
#include <array>
#include <map>

#include "core/error.h"
#include "core/functions/activation.h"
#include "core/functions/dropout.h"
#include "core/functions/pooling.h"

namespace rensa::models {
namespace {

constexpr std::int64_t kSide = 7;  ///< of the last stage's picture

std::array<int, 5> stage_sizes(int layers) {
  static const std::map<int, std::array<int, 5>> table = {
      {11, {1, 1, 2, 2, 2}}, {13, {2, 2, 2, 2, 2}}, {16, {2, 2, 3, 3, 3}}, {19, {2, 2, 4, 4, 4}}};
  const auto found = table.find(layers);
  if (found == table.end())
    throw ValueError("Vgg: there is no network of ", layers, " layers, expected 11, 13, 16 or 19.");
  return found->second;
}

}  // namespace

Vgg::Vgg(const VggOptions& o)
    : options_(o),
      fc6_({.in = 512 * kSide * kSide, .out = o.hidden, .initial_W = init::normal(0.01), .dtype = o.dtype}),
      fc7_({.in = o.hidden, .out = o.hidden, .initial_W = init::normal(0.01), .dtype = o.dtype}),
      fc8_({.in = o.hidden, .out = o.classes, .initial_W = init::normal(0.01), .dtype = o.dtype}) {
  std::int64_t in = o.channels, out = 64;
  int position = 0;  // counts convolutions, relus and poolings, as torchvision's Sequential does
  for (const int size : stage_sizes(o.layers)) {
    auto& stage = stages_.emplace_back();
    for (int i = 0; i < size; ++i, position += 2, in = out) {
      stage.push_back(
          std::make_unique<Convolution2D>(Convolution2DOptions{.in = in,
                                                               .out = out,
                                                               .window = {.pad = {1, 1}},
                                                               .initial_W = init::he_normal(1, /*fan_out=*/true),
                                                               .dtype = o.dtype}));
      features_.add(std::to_string(position), *stage.back());
    }
    ++position;
    out = std::min<std::int64_t>(512, 2 * out);
  }
  classifier_.add("0", fc6_);
  classifier_.add("3", fc7_);
  classifier_.add("6", fc8_);
  add("features", features_);
  add("classifier", classifier_);
}

Variable Vgg::operator()(const Variable& x) {
  using functions::dropout;
  using functions::relu;
  Variable h = x;
  for (const auto& stage : stages_) {
    for (const auto& convolution : stage) h = relu((*convolution)(h));
    h = functions::max_pooling_2d(h, {.kernel = {2, 2}, .cover_all = false});
  }
  if (h.shape()[2] != kSide || h.shape()[3] != kSide) {
    throw ShapeError("Vgg: expected pictures of 224 x 224, found ", x.shape(), ".");
  }
  return fc8_(dropout(relu(fc7_(dropout(relu(fc6_(h)), options_.dropout))), options_.dropout));
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
