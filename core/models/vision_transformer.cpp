#include "core/models/vision_transformer.h"

#include <string>
#include <vector>

#include "core/error.h"
#include "core/functions/activation.h"
#include "core/functions/arithmetic.h"
#include "core/functions/attention.h"
#include "core/functions/dropout.h"
#include "core/functions/linear.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "core/links/linear.h"
#include "core/links/normalization.h"

namespace rensa::models {
namespace {

namespace F = functions;
using Options = VisionTransformerOptions;

constexpr double kEps = 1e-6, kDeviation = 0.02;

const Options& checked(const Options& o) {
  if (o.patch < 1 || o.side < o.patch || o.side % o.patch != 0) {
    throw ValueError("VisionTransformer: patches of ", o.patch, " pixels do not divide pictures of ", o.side,
                     " pixels.");
  }
  if (o.heads < 1 || o.size % o.heads != 0) {
    throw ValueError("VisionTransformer: ", o.heads, " heads do not divide ", o.size, " features.");
  }
  return o;
}

LinearOptions linear_options(std::int64_t in, std::int64_t out, Dtype dtype) {
  return {.in = in, .out = out, .initial_W = init::normal(kDeviation), .dtype = dtype};
}

LayerNormalizationOptions normalization(const Options& o) { return {.size = o.size, .eps = kEps, .dtype = o.dtype}; }

/// Attention of tokens among themselves, its three projections in one matrix.
struct SelfAttention final : Link {
  Parameter in_proj_weight, in_proj_bias;
  Linear out_proj;

  explicit SelfAttention(const Options& o)
      : in_proj_weight({3 * o.size, o.size}, init::normal(kDeviation), o.dtype),
        in_proj_bias({3 * o.size}, init::zeros(), o.dtype),
        out_proj(linear_options(o.size, o.size, o.dtype)),
        heads_(o.heads) {
    add("in_proj_weight", in_proj_weight);
    add("in_proj_bias", in_proj_bias);
    add("out_proj", out_proj);
  }

  Variable operator()(const Variable& x) {  // (N, tokens, size)
    const std::int64_t n = x.shape()[0], tokens = x.shape()[1], size = x.shape()[2];
    const Variable projected = F::linear(x, in_proj_weight, &in_proj_bias, 2);
    const Variable parts =  // (3, N, heads, tokens, size / heads)
        F::transpose(F::reshape(projected, {n, tokens, 3, heads_, size / heads_}), {2, 0, 3, 1, 4});
    const Variable y =
        F::scaled_dot_product_attention(F::select(parts, 0, 0), F::select(parts, 0, 1), F::select(parts, 0, 2));
    return out_proj(F::reshape(F::transpose(y, {0, 2, 1, 3}), {n, tokens, size}), 2);
  }

 private:
  const int heads_;
};

/// Two linear layers with gelu between them, numbered as torchvision does, where gelu and dropout have a number too.
struct TwoLayers final : Link {
  Linear first, second;

  explicit TwoLayers(const Options& o)
      : first(linear_options(o.size, o.hidden, o.dtype)), second(linear_options(o.hidden, o.size, o.dtype)) {
    add("0", first);
    add("3", second);
  }
  Variable operator()(const Variable& x, double dropout) {
    return second(F::dropout(F::gelu(first(x, 2)), dropout), 2);
  }
};

struct Block final : Link {
  LayerNormalization ln_1, ln_2;
  SelfAttention self_attention;
  TwoLayers mlp;

  explicit Block(const Options& o)
      : ln_1(normalization(o)), ln_2(normalization(o)), self_attention(o), mlp(o), dropout_(o.dropout) {
    add("ln_1", ln_1);
    add("self_attention", self_attention);
    add("ln_2", ln_2);
    add("mlp", mlp);
  }
  Variable operator()(const Variable& x) {
    const Variable h = x + F::dropout(self_attention(ln_1(x)), dropout_);
    return h + F::dropout(mlp(ln_2(h), dropout_), dropout_);
  }

 private:
  const double dropout_;
};

struct Blocks final : Link {
  std::vector<std::unique_ptr<Block>> row;

  explicit Blocks(const Options& o) {
    for (std::int64_t i = 0; i < o.blocks; ++i) {
      row.push_back(std::make_unique<Block>(o));
      add("encoder_layer_" + std::to_string(i), *row.back());
    }
  }
};

struct Encoder final : Link {
  Parameter pos_embedding;
  Blocks layers;
  LayerNormalization ln;

  explicit Encoder(const Options& o)
      : pos_embedding({1, (o.side / o.patch) * (o.side / o.patch) + 1, o.size}, init::normal(kDeviation), o.dtype),
        layers(o),
        ln(normalization(o)) {
    add("pos_embedding", pos_embedding);
    add("layers", layers);
    add("ln", ln);
  }
};

struct Heads final : Link {
  Linear head;

  explicit Heads(const Options& o) : head(linear_options(o.size, o.classes, o.dtype)) { add("head", head); }
};

}  // namespace

struct VisionTransformer::Parts {
  Encoder encoder;
  Heads heads;

  explicit Parts(const Options& o) : encoder(o), heads(o) {}
};

VisionTransformer::VisionTransformer(const Options& o)
    : options_(checked(o)),
      conv_proj_({.in = o.channels,
                  .out = o.size,
                  .kernel = {o.patch, o.patch},
                  .window = {.stride = {o.patch, o.patch}},
                  .dtype = o.dtype}),
      class_token_({1, 1, o.size}, init::normal(kDeviation), o.dtype),
      parts_(std::make_unique<Parts>(o)) {
  add("class_token", class_token_);
  add("conv_proj", conv_proj_);
  add("encoder", parts_->encoder);
  add("heads", parts_->heads);
}

VisionTransformer::~VisionTransformer() = default;

Variable VisionTransformer::forward(const Variable& x) {
  const Options& o = options_;
  if (x.ndim() != 4 || x.shape()[1] != o.channels || x.shape()[2] != o.side || x.shape()[3] != o.side) {
    throw ShapeError("VisionTransformer: expected x (batch, ", o.channels, ", ", o.side, ", ", o.side,
                     "), whose positions it has ", "learned; found ", x.shape(), ".");
  }
  const std::int64_t n = x.shape()[0], patches = (o.side / o.patch) * (o.side / o.patch);
  const Variable seen = F::transpose(F::reshape(conv_proj_(x), {n, o.size, patches}), {0, 2, 1});
  const Variable tokens = F::concat({F::broadcast_to(class_token_, {n, 1, o.size}), seen}, 1);
  Encoder& encoder = parts_->encoder;
  Variable h = F::dropout(tokens + encoder.pos_embedding, o.dropout);
  for (const auto& block : encoder.layers.row) h = (*block)(h);
  return parts_->heads.head(encoder.ln(F::select(h, 1, 0)));  // the other tokens end here
}

}  // namespace rensa::models
