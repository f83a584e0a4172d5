#pragma once

#include <cstdint>

#include "core/links/link.h"

namespace rensa {

/// Options of Linear.
struct LinearOptions {
  std::int64_t in, out;  ///< features of x (kLazySize: those of the first batch), features of y
  bool bias = true;
  Initializer initial_W = init::lecun_normal();
  Dtype dtype = Dtype::kFloat32;
  Initializer initial_b = init::zeros();
};

/// Fully connected layer, y = x W^T + b.  x (batch, in), W (out, in), b (out), y (batch, out).
/// W starts LeCun-normal (LeCun et al., "Efficient BackProp", 1998), b at zero. See functions::linear.
class Linear : public UnaryLink {
 public:
  explicit Linear(const LinearOptions& options);
  using UnaryLink::operator();
  Variable forward(const Variable& x) override;
  /// The first `n_batch_axes` axes are batches, the others features.
  Variable operator()(const Variable& x, int n_batch_axes);

  Parameter W, b;
  const bool bias;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<Linear>(options_); }

 private:
  Variable project(const Variable& x, int n_batch_axes);

  const LinearOptions options_;
};

}  // namespace rensa
