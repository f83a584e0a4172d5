#pragma once

#include "core/optimizers/optimizer.h"

namespace rensa {

/// Options of Adam and AdamW.
struct AdamOptions {
  double lr = 0.001;  ///< called alpha in the paper and in Chainer
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double eta = 1;  ///< multiplies the whole step, decay included: the schedule multiplier of AdamW's paper
  double weight_decay_rate = 0;  ///< AdamW only: decays the parameter apart from the gradient
  CommonOptions common = {};
};

/// m ← m + (1 − β1)(g − m),  v ← v + (1 − β2)(g² − v)
/// p ← p − η · α √(1 − β2ᵗ) / (1 − β1ᵗ) · m / (√v + ε)
///
/// As in Chainer, ε is added before the bias correction (the last form of the paper's section 2); PyTorch adds it
/// after. Source: Kingma and Ba, "Adam: a method for stochastic optimization", 2015.
class Adam : public Optimizer {
 public:
  /// Throws ValueError if a weight_decay_rate is given: that is AdamW.
  explicit Adam(const AdamOptions& options = {});
  const char* name() const override { return "adam"; }
  double lr() const override { return options_.lr; }
  void set_lr(double lr) override { options_.lr = lr; }
  std::vector<std::string> state_names() const override { return {"m", "v"}; }
  const AdamOptions& options() const { return options_; }  ///< with the rate that set_lr() has set

 protected:
  struct Unchecked {};
  Adam(const AdamOptions& options, Unchecked) : Optimizer(options.common), options_(options) {}
  void update_range(const Range& range) override;
  bool follows_control() const override { return true; }

 private:
  AdamOptions options_;
};

/// Adam, and p ← p − η · weight_decay_rate · p in the same step. As in Chainer the decay is not multiplied by α; a rate
/// of PyTorch's `weight_decay` times its lr means the same.
/// Source: Loshchilov and Hutter, "Decoupled weight decay regularization", 2019, algorithm 2.
class AdamW final : public Adam {
 public:
  explicit AdamW(const AdamOptions& options = {}) : Adam(options, Unchecked{}) {}
  const char* name() const override { return "adamw"; }
};

}  // namespace rensa
