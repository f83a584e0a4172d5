#include "core/models/vgg_cifar.h"

#include "core/functions/pooling.h"
#include "core/links/normalized_convolution.h"

namespace rensa::models {

VggCifar::Features::Features(const VggCifarOptions& o) {
  std::int64_t in = o.channels;
  int position = 0;  // counts convolution, normalization, relu and pooling, as a Sequential would
  for (const std::int64_t width : o.widths) {
    for (int i = 0; i < 2; ++i, position += 3, in = width) {
      convolutions.push_back(
          std::make_unique<Convolution2D>(Convolution2DOptions{.in = in,
                                                               .out = width,
                                                               .kernel = {3, 3},
                                                               .window = {.pad = {1, 1}},
                                                               .bias = false,
                                                               .initial_W = init::he_normal(1, /*fan_out=*/true),
                                                               .dtype = o.dtype}));
      normalizations.push_back(std::make_unique<BatchNormalization>(
          BatchNormalizationLinkOptions{.size = width, .eps = o.eps, .dtype = o.dtype}));
      add(std::to_string(position), *convolutions.back());
      add(std::to_string(position + 1), *normalizations.back());
    }
    ++position;
  }
}

VggCifar::VggCifar(const VggCifarOptions& o)
    : options_(o),
      features_(o),
      fc_({.in = o.widths.empty() ? o.channels : o.widths.back(), .out = o.classes, .dtype = o.dtype}) {
  add("features", features_);
  add("fc", fc_);
}

Variable VggCifar::forward(const Variable& x) {
  Variable h = x;
  for (std::size_t i = 0; i < features_.convolutions.size(); ++i) {
    h = normalized_convolution(*features_.convolutions[i], *features_.normalizations[i], h, {.relu = true});
    if (i % 2 == 1) h = functions::max_pooling_2d(h, {.kernel = {2, 2}, .cover_all = false});
  }
  return fc_(functions::global_average_pooling_2d(h));
}

}  // namespace rensa::models
