#pragma once

#include "core/optimizers/optimizer.h"

namespace rensa {

/// Options of Sgd.
struct SgdOptions {
  double lr = 0.01;
  CommonOptions common = {};
};

/// p ← p − lr · g
class Sgd final : public Optimizer {
 public:
  explicit Sgd(const SgdOptions& options = {}) : Optimizer(options.common), lr_(options.lr) {}
  const char* name() const override { return "sgd"; }
  double lr() const override { return lr_; }
  void set_lr(double lr) override { lr_ = lr; }

 private:
  void update_range(const Range& range) override;
  bool follows_control() const override { return true; }
  double lr_;
};

}  // namespace rensa
