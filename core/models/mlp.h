#pragma once

#include <cstdint>

#include "core/links/linear.h"

namespace rensa::models {

/// Options of Mlp.
struct MlpOptions {
  std::int64_t in = 784, units = 1000, out = 10;  ///< features of a sample, of both hidden layers, classes
  Dtype dtype = Dtype::kFloat32;
};

/// Three fully connected layers with relu between them: the network of Chainer's MNIST example.
/// x (batch, …) with `in` elements a sample; logits (batch, out). Keys: l1/W, l1/b, l2/W, …
class Mlp : public UnaryLink {
 public:
  explicit Mlp(const MlpOptions& options = {});
  Variable forward(const Variable& x) override;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<Mlp>(options_); }

 private:
  const MlpOptions options_;
  Linear l1_, l2_, l3_;
};

}  // namespace rensa::models
