#pragma once

#include "core/optimizers/optimizer.h"

namespace rensa {

/// An optimizer that is its options (with a member lr), a name and a formula.
template <class Options>
class RuleWithOptions : public Optimizer {
 public:
  double lr() const override { return options_.lr; }
  void set_lr(double lr) override { options_.lr = lr; }
  const Options& options() const { return options_; }  ///< with the rate that set_lr() has set

 protected:
  explicit RuleWithOptions(const Options& options) : Optimizer(options.common), options_(options) {}
  Options options_;
};

}  // namespace rensa
