#pragma once

#include <cstdint>
#include <memory>

#include "core/models/layers.h"

namespace rensa::models {

/// Options of AlexNet.
struct AlexNetOptions {
  std::int64_t channels = 3, size = 224, classes = 1000;  ///< `size`: side of a picture, 63 or more
  double dropout = 0.5;
  Dtype dtype = Dtype::kFloat32;
};

/// The network that began it, in the form for one device: five convolutions and three linear layers, 61,100,840
/// parameters at 224 pixels. x (N, channels, size, size); logits (N, classes). Keys as torchvision's: features/0,
/// classifier/1. Source: Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014.
class AlexNet final : public UnaryLink {
 public:
  /// Throws ValueError if the pictures are too small for the network.
  explicit AlexNet(const AlexNetOptions& options = {});
  Variable forward(const Variable& x) override;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<AlexNet>(options_); }

 private:
  const AlexNetOptions options_;
  NumberedLayers features_, classifier_;
};

}  // namespace rensa::models
