#pragma once

#include <cstdint>
#include <memory>

#include "core/models/layers.h"

namespace rensa::models {

/// Options of MobileNetV2.
struct MobileNetV2Options {
  std::int64_t channels = 3, classes = 1000;
  double dropout = 0.2;
  double eps = 1e-5;  ///< of batch normalization
  Dtype dtype = Dtype::kFloat32;
};

/// Inverted residual blocks of depthwise convolutions: 3,504,872 parameters, 0.3 billion multiply-adds at 224 pixels.
/// x (N, channels, H, W); logits (N, classes). Keys as torchvision's: features/1/conv/0/0, classifier/1.
/// Source: Sandler, Howard, Zhu, Zhmoginov, Chen, "MobileNetV2: inverted residuals and linear bottlenecks", 2018.
class MobileNetV2 final : public UnaryLink {
 public:
  explicit MobileNetV2(const MobileNetV2Options& options = {});
  Variable forward(const Variable& x) override;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<MobileNetV2>(options_); }

 private:
  const MobileNetV2Options options_;
  NumberedLayers features_, classifier_;
};

}  // namespace rensa::models
