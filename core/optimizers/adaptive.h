#pragma once

#include "core/optimizers/rule_with_options.h"

namespace rensa {

// Rules that scale each element's step by what its gradients were; defaults and names of state are Chainer's.

/// Options of CorrectedMomentumSgd.
struct CorrectedMomentumSgdOptions {
  double lr = 0.01, momentum = 0.9;
  CommonOptions common = {};
};
/// v ← momentum · v − g,  p ← p + lr · v: the learning rate is outside of v, so that a change of it acts at once, on
/// the steps gathered in v too. PyTorch's SGD with momentum.
class CorrectedMomentumSgd final : public RuleWithOptions<CorrectedMomentumSgdOptions> {
 public:
  explicit CorrectedMomentumSgd(const CorrectedMomentumSgdOptions& options = {}) : RuleWithOptions(options) {}
  const char* name() const override { return "corrected_momentum_sgd"; }
  std::vector<std::string> state_names() const override { return {"v"}; }

 private:
  void update_range(const Range& range) override;
  bool follows_control() const override { return true; }
};

/// Options of AdaGrad.
struct AdaGradOptions {
  double lr = 0.001, eps = 1e-8;
  CommonOptions common = {};
};
/// h ← h + g²,  p ← p − lr · g / (√h + eps).
/// Source: Duchi, Hazan, Singer, "Adaptive subgradient methods for online learning", 2011.
class AdaGrad final : public RuleWithOptions<AdaGradOptions> {
 public:
  explicit AdaGrad(const AdaGradOptions& options = {}) : RuleWithOptions(options) {}
  const char* name() const override { return "adagrad"; }
  std::vector<std::string> state_names() const override { return {"h"}; }

 private:
  void update_range(const Range& range) override;
  bool follows_control() const override { return true; }
};

/// Options of AdaDelta.
struct AdaDeltaOptions {
  double lr = 1;  ///< multiplies the step; the paper and Chainer have none
  double rho = 0.95, eps = 1e-6;
  CommonOptions common = {};
};
/// Steps in the parameter's own unit: the root mean square of past steps over that of past gradients.
/// Source: Zeiler, "ADADELTA: an adaptive learning rate method", 2012.
class AdaDelta final : public RuleWithOptions<AdaDeltaOptions> {
 public:
  explicit AdaDelta(const AdaDeltaOptions& options = {}) : RuleWithOptions(options) {}
  const char* name() const override { return "adadelta"; }
  std::vector<std::string> state_names() const override { return {"msg", "msdx"}; }

 private:
  void update_range(const Range& range) override;
  bool follows_control() const override { return true; }
};

/// Options of RmsProp.
struct RmsPropOptions {
  double lr = 0.01, alpha = 0.99, eps = 1e-8;
  bool eps_inside_sqrt = false;  ///< true: √(ms + eps), as TensorFlow has it
  CommonOptions common = {};
};
/// ms ← alpha · ms + (1 − alpha) g²,  p ← p − lr · g / (√ms + eps).
/// Source: Tieleman, Hinton, "Lecture 6.5: rmsprop", 2012.
class RmsProp final : public RuleWithOptions<RmsPropOptions> {
 public:
  explicit RmsProp(const RmsPropOptions& options = {}) : RuleWithOptions(options) {}
  const char* name() const override { return "rmsprop"; }
  std::vector<std::string> state_names() const override { return {"ms"}; }

 private:
  void update_range(const Range& range) override;
  bool follows_control() const override { return true; }
};

/// Options of RmsPropGraves.
struct RmsPropGravesOptions {
  double lr = 1e-4, alpha = 0.95, momentum = 0.9, eps = 1e-4;
  CommonOptions common = {};
};
/// RMSprop by the gradients' variance, with momentum.
/// Source: Graves, "Generating sequences with recurrent neural networks", 2013, equations 38 to 45.
class RmsPropGraves final : public RuleWithOptions<RmsPropGravesOptions> {
 public:
  explicit RmsPropGraves(const RmsPropGravesOptions& options = {}) : RuleWithOptions(options) {}
  const char* name() const override { return "rmsprop_graves"; }
  std::vector<std::string> state_names() const override { return {"n", "g", "delta"}; }

 private:
  void update_range(const Range& range) override;
  bool follows_control() const override { return true; }
};

/// Options of RmsPropWarmup.
struct RmsPropWarmupOptions {
  double lr = 0.01, momentum = 0.9;
  double alpha = 0.99, eps = 1e-8;
  double rmsprop_lr = 3e-4;  ///< the learning rate of the RMSprop part
  double centre = 0;         ///< number of the update at which half of the way to SGD is made; 0: SGD alone
  double period = 0;         ///< updates over which it is made, half of them before the centre; 0: all at the centre
  CommonOptions common = {};
};
/// Begins as RMSprop and becomes SGD with corrected momentum, as very large batches need it:
///   ms ← alpha · ms + (1 − alpha) g²,  v ← momentum · v − (a + (1 − a) rmsprop_lr / lr / (√ms + eps)) g,  p ← p + lr ·
///   v
/// with a, SGD's share at update t: e^(2 (t − centre) / period) / 2 before the centre, then 1/2 + (t − centre) /
/// period, at most 1. While lr is 0, v gathers SGD's part alone. Source: Akiba, Suzuki, Fukuda, "Extremely large
/// minibatch SGD: training ResNet-50 on ImageNet in 15 minutes", 2017.
class RmsPropWarmup final : public RuleWithOptions<RmsPropWarmupOptions> {
 public:
  explicit RmsPropWarmup(const RmsPropWarmupOptions& options = {}) : RuleWithOptions(options) {}
  const char* name() const override { return "rmsprop_warmup"; }
  std::vector<std::string> state_names() const override { return {"v", "ms"}; }
  double sgd_share(double t) const;  ///< a, the share of SGD at update t

 private:
  void update_range(const Range& range) override;
};

/// Options of Smorms3.
struct Smorms3Options {
  double lr = 0.001, eps = 1e-16;
  CommonOptions common = {};
};
/// RMSprop whose memory is as long as gradients point one way. `mem` counts from 1.
/// Source: Funk, "RMSprop loses to SMORMS3: beware the epsilon!", 2015.
class Smorms3 final : public RuleWithOptions<Smorms3Options> {
 public:
  explicit Smorms3(const Smorms3Options& options = {}) : RuleWithOptions(options) {}
  const char* name() const override { return "smorms3"; }
  std::vector<std::string> state_names() const override { return {"mem", "g", "g2"}; }

 private:
  void update_range(const Range& range) override;
};

/// Options of Msvag.
struct MsvagOptions {
  double lr = 0.1, beta = 0.9, eta = 1, weight_decay_rate = 0;
  CommonOptions common = {};
};
/// Momentum whose elements are shrunk by how much their gradients vary.
/// Source: Balles, Hennig, "Dissecting Adam: the sign, magnitude and variance of stochastic gradients", 2018.
class Msvag final : public RuleWithOptions<MsvagOptions> {
 public:
  explicit Msvag(const MsvagOptions& options = {}) : RuleWithOptions(options) {}
  const char* name() const override { return "msvag"; }
  std::vector<std::string> state_names() const override { return {"m", "v"}; }

 private:
  void update_range(const Range& range) override;
};

/// Options of Lion.
struct LionOptions {
  double lr = 1e-4, beta1 = 0.9, beta2 = 0.99;
  double weight_decay_rate = 0;  ///< decays apart from the gradient; multiplied by lr, as in the paper
  CommonOptions common = {};
};
/// p ← p − lr (sign(beta1 · m + (1 − beta1) g) + weight_decay_rate · p),  m ← beta2 · m + (1 − beta2) g.
/// Source: Chen et al., "Symbolic discovery of optimization algorithms", 2023.
class Lion final : public RuleWithOptions<LionOptions> {
 public:
  explicit Lion(const LionOptions& options = {}) : RuleWithOptions(options) {}
  const char* name() const override { return "lion"; }
  std::vector<std::string> state_names() const override { return {"m"}; }

 private:
  void update_range(const Range& range) override;
  bool follows_control() const override { return true; }
};

}  // namespace rensa
