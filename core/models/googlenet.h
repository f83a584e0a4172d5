#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/links/link.h"

namespace rensa::models {

/// Options of GoogLeNet.
struct GoogLeNetOptions {
  std::int64_t channels = 3, classes = 1000;
  /// false: the network of 2014 with local response normalization, 6,998,552 parameters. true: batch normalization
  /// after every convolution and 3 x 3 for 5 x 5, as torchvision has it, 6,624,904 parameters; not the network of 2015,
  /// which is GoogLeNetBn.
  bool batch_normalization = false;
  double dropout = 0.4;
  Dtype dtype = Dtype::kFloat32;
};

/// Nine inception modules, without the two classifiers that helped train the first one. x (N, channels, H, W), 33
/// pixels or more a side; logits (N, classes). Keys with batch normalization as torchvision's
/// (inception3a/branch2/0/conv), without as Chainer's (inc3a/conv1, conv2_reduce, loss3_fc). Source: Szegedy et al.,
/// "Going deeper with convolutions", 2015; Ioffe, Szegedy, "Batch normalization", 2015.
class GoogLeNet final : public UnaryLink {
 public:
  explicit GoogLeNet(const GoogLeNetOptions& options = {});
  ~GoogLeNet() override;
  Variable forward(const Variable& x) override;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<GoogLeNet>(options_); }

 private:
  const GoogLeNetOptions options_;
  std::vector<std::unique_ptr<UnaryLink>> stem_, modules_;
  std::unique_ptr<UnaryLink> fc_;
};

}  // namespace rensa::models
