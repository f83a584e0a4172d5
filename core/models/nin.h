#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "core/links/link.h"

namespace rensa::models {

/// Options of Nin.
struct NinOptions {
  std::int64_t channels = 3, classes = 1000;
  double dropout = 0.5;
  Dtype dtype = Dtype::kFloat32;
};

/// Network in network: each convolution is followed by two of 1 x 1, and the mean over all pixels is the answer;
/// 7,595,176 parameters. x (N, channels, H, W), 67 pixels or more a side; logits (N, classes). Keys as in Chainer's
/// example: mlpconv1/0. Source: Lin, Chen, Yan, "Network in network", 2014.
class Nin final : public UnaryLink {
 public:
  explicit Nin(const NinOptions& options = {});
  ~Nin() override;
  Variable forward(const Variable& x) override;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<Nin>(options_); }

 private:
  class MlpConvolution;
  const NinOptions options_;
  std::array<std::unique_ptr<MlpConvolution>, 4> stages_;
};

}  // namespace rensa::models
