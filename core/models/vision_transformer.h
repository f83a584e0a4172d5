#pragma once

#include <cstdint>
#include <memory>

#include "core/links/convolution_2d.h"

namespace rensa::models {

/// Options of VisionTransformer.
struct VisionTransformerOptions {
  std::int64_t channels = 3, side = 224, classes = 1000;
  std::int64_t patch = 16;  ///< side of a patch, in pixels
  std::int64_t size = 768;  ///< features of a token
  std::int64_t blocks = 12;
  int heads = 12;
  std::int64_t hidden = 3072;  ///< features inside a block's two linear layers
  double dropout = 0;          ///< after the positions are added, and of what a block adds
  Dtype dtype = Dtype::kFloat32;
};

/// A transformer over patches of a picture, with a class token and learned positions, normalization before attention
/// and linear layers. The defaults are ViT-B/16: 86,567,656 parameters, 17.6 billion multiply-adds at 224 pixels. x (N,
/// channels, side, side); logits (N, classes).
///
/// Keys are torchvision's: class_token, conv_proj, encoder/pos_embedding,
/// encoder/layers/encoder_layer_0/self_attention/in_proj_weight, …, heads/head. Files with timm's names load too.
/// Weights start as DeiT's and timm's do, N(0, 0.02²).
/// Source: Dosovitskiy et al., "An image is worth 16x16 words: transformers for image recognition at scale", 2021;
/// ViT-S/16 (384 features, 6 heads): Touvron et al., "Training data-efficient image transformers", 2021.
class VisionTransformer final : public UnaryLink {
 public:
  /// Throws ValueError if patches do not divide the side, or heads the size.
  explicit VisionTransformer(const VisionTransformerOptions& options = {});
  ~VisionTransformer() override;
  Variable forward(const Variable& x) override;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<VisionTransformer>(options_); }

 private:
  struct Parts;

  const VisionTransformerOptions options_;
  Convolution2D conv_proj_;
  Parameter class_token_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace rensa::models
