#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/links/batch_normalization.h"
#include "core/links/convolution_2d.h"
#include "core/links/linear.h"

namespace rensa::models {

/// Options of ResNet.
struct ResNetOptions {
  int layers = 50;  ///< 18, 34, 50, 101 or 152
  std::int64_t channels = 3, classes = 1000;
  std::int64_t width = 64;  ///< channels of the first stage; each stage has twice those of the one before
  std::int64_t groups = 1, group_width = 64;  ///< of the 3 x 3 convolutions in bottlenecks; ResNeXt: 32 groups of 4
  bool small_pictures =
      false;          ///< for 32 pixels: the first convolution is 3 x 3 with stride 1, and no pooling follows it
  double eps = 2e-5;  ///< of batch normalization
  bool zero_last_gamma =
      false;           ///< blocks begin as their shortcuts: gamma of each block's last normalization starts at 0
  double dropout = 0;  ///< share of the features before the last layer that training drops
  Dtype dtype = Dtype::kFloat32;
};

/// Residual network, version 1.5: in bottleneck blocks the stride is in the 3 x 3 convolution. x (N, channels, H, W);
/// logits (N, classes). Keys as torchvision's: conv1, bn1, layer1/0/conv1, layer2/0/downsample/0, fc.
/// Source: He, Zhang, Ren, Sun, "Deep residual learning for image recognition", 2016; with groups: Xie, Girshick,
/// Dollár, Tu, He, "Aggregated residual transformations for deep neural networks", 2017.
class ResNet : public UnaryLink {
 public:
  /// Throws ValueError for a number of layers that is not in the paper.
  explicit ResNet(const ResNetOptions& options = {});
  ~ResNet() override;
  Variable forward(const Variable& x) override;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<ResNet>(options_); }

 private:
  class Block;
  struct Stage;
  const ResNetOptions options_;
  std::unique_ptr<Convolution2D> conv1_;
  std::unique_ptr<BatchNormalization> bn1_;
  std::vector<std::unique_ptr<Stage>> stages_;
  std::unique_ptr<Linear> fc_;
};

/// resnet18({.classes = 10}) and its siblings; the number of layers in the options is not looked at.
std::unique_ptr<ResNet> resnet18(ResNetOptions options = {});
/// As resnet18(), with so many layers.
/// @{
std::unique_ptr<ResNet> resnet34(ResNetOptions options = {});
std::unique_ptr<ResNet> resnet50(ResNetOptions options = {});
std::unique_ptr<ResNet> resnet101(ResNetOptions options = {});
std::unique_ptr<ResNet> resnet152(ResNetOptions options = {});
/// @}
std::unique_ptr<ResNet> resnext50(ResNetOptions options = {});  ///< 32 x 4d

}  // namespace rensa::models
