#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/links/blocks.h"
#include "core/links/linear.h"

namespace rensa::models {

/// Options of GoogLeNetBn.
struct GoogLeNetBnOptions {
  std::int64_t channels = 3, classes = 1000;
  Dtype dtype = Dtype::kFloat32;
};

/// GoogLeNet of 2015: ten modules with batch normalization after every convolution and two 3 x 3 for 5 x 5, of which
/// two halve the picture without a 1 x 1 branch; 11,281,000 parameters. Without the two classifiers that helped train
/// it. x (N, channels, H, W), 17 pixels or more a side; logits (N, classes). Keys as Chainer's: conv1, norm1, conv2,
/// norm2, inc3a/conv33an …, out. Source: Ioffe, Szegedy, "Batch normalization", 2015; numbers of channels as in
/// Chainer's example.
class GoogLeNetBn final : public UnaryLink {
 public:
  explicit GoogLeNetBn(const GoogLeNetBnOptions& options = {});
  Variable forward(const Variable& x) override;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<GoogLeNetBn>(options_); }

 private:
  const GoogLeNetBnOptions options_;
  Convolution2D conv1_;
  BatchNormalization norm1_;
  Convolution2D conv2_;
  BatchNormalization norm2_;
  std::vector<std::unique_ptr<InceptionBn>> modules_;
  std::unique_ptr<Linear> out_;
};

}  // namespace rensa::models
