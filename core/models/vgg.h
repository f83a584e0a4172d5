#pragma once

#include <cstdint>
#include <memory>

#include "core/models/layers.h"

namespace rensa::models {

/// Options of Vgg.
struct VggOptions {
  int layers = 16;                                        ///< 11, 13, 16 or 19
  std::int64_t channels = 3, size = 224, classes = 1000;  ///< `size`: side of a picture, 32 or more
  std::int64_t hidden = 4096;                             ///< units of the linear layers
  double dropout = 0.5;
  Dtype dtype = Dtype::kFloat32;
};

/// Stacks of 3 x 3 convolutions with relu, five max poolings, three linear layers: 138,357,544 parameters (16 layers)
/// or 143,667,240 (19) at 224 pixels. x (N, channels, size, size); logits (N, classes). Keys as torchvision's:
/// features/0, classifier/0. Source: Simonyan, Zisserman, "Very deep convolutional networks for large-scale image
/// recognition", 2015.
class Vgg final : public UnaryLink {
 public:
  /// Throws ValueError for another number of layers, or pictures too small.
  explicit Vgg(const VggOptions& options = {});
  Variable forward(const Variable& x) override;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<Vgg>(options_); }

 private:
  const VggOptions options_;
  NumberedLayers features_, classifier_;
};

std::unique_ptr<Vgg> vgg16(VggOptions options = {});  ///< Chainer's VGG16Layers; options.layers is not looked at
std::unique_ptr<Vgg> vgg19(VggOptions options = {});  ///< the same with 19 layers

}  // namespace rensa::models
