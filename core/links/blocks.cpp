#include "core/links/blocks.h"

#include "core/error.h"
#include "core/functions/activation.h"
#include "core/functions/pooling.h"
#include "core/functions/shape.h"
#include "core/links/normalized_convolution.h"

namespace rensa {
namespace {

Convolution2DOptions square(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                            std::int64_t pad, Dtype dtype, bool bias = true) {
  return {.in = in,
          .out = out,
          .kernel = {kernel, kernel},
          .window = {.stride = {stride, stride}, .pad = {pad, pad}},
          .bias = bias,
          .dtype = dtype};
}

}  // namespace

MlpConvolution2D::MlpConvolution2D(const MlpConvolution2DOptions& o) : options_(o) {
  if (o.out.empty()) throw ValueError("MlpConvolution2D: expected the channels of at least one layer.");
  std::int64_t in = o.in;
  for (const std::int64_t out : o.out) {
    const bool first = layers_.empty();
    layers_.push_back(std::make_unique<Convolution2D>(
        square(in, out, first ? o.kernel : 1, first ? o.stride : 1, first ? o.pad : 0, o.dtype)));
    add(std::to_string(layers_.size() - 1), *layers_.back());
    in = out;
  }
}
Variable MlpConvolution2D::forward(const Variable& x) {
  Variable h = (*layers_.front())(x);
  for (std::size_t i = 1; i < layers_.size(); ++i) h = (*layers_[i])(functions::relu(h));
  return h;
}

Inception::Inception(const InceptionOptions& o)
    : options_(o),
      conv1_(square(o.in, o.out1, 1, 1, 0, o.dtype)),
      proj3_(square(o.in, o.proj3, 1, 1, 0, o.dtype)),
      conv3_(square(o.proj3, o.out3, 3, 1, 1, o.dtype)),
      proj5_(square(o.in, o.proj5, 1, 1, 0, o.dtype)),
      conv5_(square(o.proj5, o.out5, 5, 1, 2, o.dtype)),
      projp_(square(o.in, o.proj_pool, 1, 1, 0, o.dtype)) {
  add("conv1", conv1_);
  add("proj3", proj3_);
  add("conv3", conv3_);
  add("proj5", proj5_);
  add("conv5", conv5_);
  add("projp", projp_);
}
Variable Inception::forward(const Variable& x) {
  using functions::relu;
  const Variable pooled =
      functions::max_pooling_2d(x, {.kernel = {3, 3}, .stride = {{1, 1}}, .pad = {1, 1}, .cover_all = false});
  return relu(functions::concat({conv1_(x), conv3_(relu(proj3_(x))), conv5_(relu(proj5_(x))), projp_(pooled)}, 1));
}

Variable InceptionBn::Pair::operator()(const Variable& x) const {
  return normalized_convolution(*convolution, *normalization, x, {.relu = true});
}

InceptionBn::Pair InceptionBn::pair(const char* name, std::int64_t in, std::int64_t out, std::int64_t kernel,
                                    std::int64_t stride) {
  Pair made{
      std::make_unique<Convolution2D>(square(in, out, kernel, stride, kernel / 2, options_.dtype, /*bias=*/false)),
      std::make_unique<BatchNormalization>(BatchNormalizationLinkOptions{.size = out, .dtype = options_.dtype})};
  add(name, *made.convolution);
  add(std::string(name) + "n", *made.normalization);
  return made;
}

InceptionBn::InceptionBn(const InceptionBnOptions& o) : options_(o) {
  if (o.out1 > 0) conv1_ = pair("conv1", o.in, o.out1, 1, o.stride);
  proj3_ = pair("proj3", o.in, o.proj3, 1);
  conv3_ = pair("conv3", o.proj3, o.out3, 3, o.stride);
  proj33_ = pair("proj33", o.in, o.proj33, 1);
  conv33a_ = pair("conv33a", o.proj33, o.out33, 3);
  conv33b_ = pair("conv33b", o.out33, o.out33, 3, o.stride);
  if (o.proj_pool > 0) poolp_ = pair("poolp", o.in, o.proj_pool, 1);
}
Variable InceptionBn::forward(const Variable& x) {
  Variables outs;
  if (conv1_.convolution) outs.push_back(conv1_(x));
  outs.push_back(conv3_(proj3_(x)));
  outs.push_back(conv33b_(conv33a_(proj33_(x))));
  const functions::PoolingOptions window = {
      .kernel = {3, 3}, .stride = {{options_.stride, options_.stride}}, .pad = {1, 1}, .cover_all = false};
  const Variable pooled =
      options_.average_pooling ? functions::average_pooling_2d(x, window) : functions::max_pooling_2d(x, window);
  outs.push_back(poolp_.convolution ? poolp_(pooled) : pooled);
  return functions::concat(outs, 1);
}

}  // namespace rensa
