#pragma once

#include "core/optimizers/optimizer.h"

namespace rensa {

/// Options of MomentumSgd and NesterovAg.
struct MomentumSgdOptions {
  double lr = 0.01;
  double momentum = 0.9;
  CommonOptions common = {};
};

/// v ← momentum · v − lr · g,  p ← p + v
///
/// As in Chainer the learning rate is inside v: when lr changes, the steps already gathered in v keep their size. For a
/// constant lr it is PyTorch's SGD with momentum.
/// Source: Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.
class MomentumSgd final : public Optimizer {
 public:
  explicit MomentumSgd(const MomentumSgdOptions& options = {})
      : Optimizer(options.common), lr_(options.lr), momentum_(options.momentum) {}
  const char* name() const override { return "momentum_sgd"; }
  double lr() const override { return lr_; }
  void set_lr(double lr) override { lr_ = lr; }
  std::vector<std::string> state_names() const override { return {"v"}; }

 private:
  void update_range(const Range& range) override;
  bool follows_control() const override { return true; }
  double lr_, momentum_;
};

/// v ← momentum · v − lr · g,  p ← p + momentum · v − lr · g
///
/// Source: Bengio, Boulanger-Lewandowski, Pascanu, "Advances in optimizing recurrent networks", 2013, equations 6
/// and 7.
class NesterovAg final : public Optimizer {
 public:
  explicit NesterovAg(const MomentumSgdOptions& options = {})
      : Optimizer(options.common), lr_(options.lr), momentum_(options.momentum) {}
  const char* name() const override { return "nesterov_ag"; }
  double lr() const override { return lr_; }
  void set_lr(double lr) override { lr_ = lr; }
  std::vector<std::string> state_names() const override { return {"v"}; }

 private:
  void update_range(const Range& range) override;
  bool follows_control() const override { return true; }
  double lr_, momentum_;
};

}  // namespace rensa
