#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/links/convolution_2d.h"
#include "core/links/linear.h"

namespace rensa::models {

struct VggOptions {
  int layers = 16;  ///< 11, 13, 16 or 19
  std::int64_t channels = 3, classes = 1000;
  std::int64_t hidden = 4096;  ///< units of the linear layers
  double dropout = 0.5;
  Dtype dtype = Dtype::kFloat32;
};

/// Stages of 3 x 3 convolutions with max pooling, then three linear layers. x (N, channels, 224, 224); logits (N,
/// classes). Keys as torchvision's: features/0, features/2 …, classifier/0, classifier/3, classifier/6. Source:
/// Simonyan, Zisserman, "Very deep convolutional networks for large-scale image recognition", 2015.
class Vgg : public UnaryLink {
 public:
  /// Throws ValueError for a number of layers that is not in the paper.
  explicit Vgg(const VggOptions& options = {});
  Variable operator()(const Variable& x) override;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<Vgg>(options_); }

 private:
  struct Part : Link {
    using Link::add;
  };
  const VggOptions options_;
  Part features_, classifier_;
  std::vector<std::vector<std::unique_ptr<Convolution2D>>> stages_;
  Linear fc6_, fc7_, fc8_;
};

std::unique_ptr<Vgg> vgg16(VggOptions options = {});  ///< Chainer's VGG16Layers; options.layers is not looked at
std::unique_ptr<Vgg> vgg19(VggOptions options = {});

}  // namespace rensa::models
