#pragma once

#include "core/optimizers/rule_with_options.h"

namespace rensa {

// Relatives of Adam (core/optimizers/adam.h), with its options and Chainer's names of state.

/// Options of AdaBound, AmsBound and AmsGrad.
struct BoundedAdamOptions {
  double lr = 0.001;  ///< alpha
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  double eta = 1;                ///< multiplies the whole step, decay included
  double weight_decay_rate = 0;  ///< decays the parameter apart from the gradient
  double final_lr = 0.1;  ///< adabound, amsbound: the rate of the SGD that it becomes; moves in proportion with lr
  double gamma = 1e-3;    ///< adabound, amsbound: how fast it becomes that
  CommonOptions common = {};
};

/// Adam that divides by the root of the largest v so far.
/// Source: Reddi, Kale, Kumar, "On the convergence of Adam and beyond", 2018.
class AmsGrad final : public RuleWithOptions<BoundedAdamOptions> {
 public:
  explicit AmsGrad(const BoundedAdamOptions& options = {}) : RuleWithOptions(options) {}
  const char* name() const override { return "amsgrad"; }
  std::vector<std::string> state_names() const override { return {"m", "v", "vhat"}; }

 private:
  void update_range(const Range& range) override;
};

/// Adam whose rate of each element is kept between bounds that close in on final_lr.
/// Source: Luo, Xiong, Liu, Sun, "Adaptive gradient methods with dynamic bound of learning rate", 2019.
class AdaBound final : public RuleWithOptions<BoundedAdamOptions> {
 public:
  explicit AdaBound(const BoundedAdamOptions& options = {}) : RuleWithOptions(options), first_lr_(options.lr) {}
  const char* name() const override { return "adabound"; }
  std::vector<std::string> state_names() const override { return {"m", "v"}; }
  void serialize(Serializer& serializer) override;  ///< with "first_lr", which Chainer does not save

 private:
  void update_range(const Range& range) override;
  double first_lr_;
};

/// Both. Source: as AdaBound.
class AmsBound final : public RuleWithOptions<BoundedAdamOptions> {
 public:
  explicit AmsBound(const BoundedAdamOptions& options = {}) : RuleWithOptions(options), first_lr_(options.lr) {}
  const char* name() const override { return "amsbound"; }
  std::vector<std::string> state_names() const override { return {"m", "v", "vhat"}; }
  void serialize(Serializer& serializer) override;

 private:
  void update_range(const Range& range) override;
  double first_lr_;
};

/// Options of RAdam.
struct RAdamOptions {
  double lr = 0.001, beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  double weight_decay_rate = 0;  ///< decays apart from the gradient; multiplied by lr
  CommonOptions common = {};
};
/// Adam that does not divide by the root of v until enough gradients were seen, and rectifies its variance then.
/// Source: Liu et al., "On the variance of the adaptive learning rate and beyond", 2020, algorithm 2.
class RAdam final : public RuleWithOptions<RAdamOptions> {
 public:
  explicit RAdam(const RAdamOptions& options = {}) : RuleWithOptions(options) {}
  const char* name() const override { return "radam"; }
  std::vector<std::string> state_names() const override { return {"m", "v"}; }

 private:
  void update_range(const Range& range) override;
};

}  // namespace rensa
