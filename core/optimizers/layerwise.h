#pragma once

#include <unordered_map>

#include "core/optimizers/rule_with_options.h"

namespace rensa {

// Rules that look at whole parameters. Where state is sharded (zero = 1, 2) the norms of LAMB and LARS are added up
// over the processes, in another order than on one of them; Adafactor is refused there.

/// Options of Lamb.
struct LambOptions {
  double lr = 0.001, beta1 = 0.9, beta2 = 0.999, eps = 1e-6;
  double weight_decay_rate = 0;  ///< inside the direction r, and so under the trust ratio
  CommonOptions common = {};
};
/// r = m̂ / (√v̂ + eps) + weight_decay_rate · p,  p ← p − lr ‖p‖ / ‖r‖ · r; where a norm is 0 the ratio is 1. Two passes
/// over the parameters, since the norms come first. Source: You et al., "Large batch optimization for deep learning:
/// training BERT in 76 minutes", 2020, algorithm 2.
class Lamb final : public RuleWithOptions<LambOptions> {
 public:
  explicit Lamb(const LambOptions& options = {}) : RuleWithOptions(options) {}
  const char* name() const override { return "lamb"; }
  std::vector<std::string> state_names() const override { return {"m", "v"}; }

 private:
  Scope scope() const override { return Scope::kNorms; }
  std::array<double, 2> measure_range(const Range& range) override;
  void update_range(const Range& range) override;
};

/// Options of Lars and CorrectedLars.
struct LarsOptions {
  double lr = 0.1, momentum = 0.9;
  double trust = 0.001;          ///< called eta in the paper
  double weight_decay_rate = 0;  ///< as common.weight_decay, and counted in the ratio
  double eps = 1e-9;
  CommonOptions common = {};
};
/// ratio = trust ‖p‖ / (‖g‖ + decay ‖p‖ + eps),  v ← momentum · v − lr · ratio (g + decay · p),  p ← p + v. Parameters
/// that do not decay (weight_decay_scale = 0: biases, normalization) and those of norm 0 have the ratio 1. Source: You,
/// Gitman, Ginsburg, "Large batch training of convolutional networks", 2017.
class Lars final : public RuleWithOptions<LarsOptions> {
 public:
  explicit Lars(const LarsOptions& options = {}) : RuleWithOptions(options) {}
  const char* name() const override { return "lars"; }
  std::vector<std::string> state_names() const override { return {"v"}; }

 private:
  Scope scope() const override { return Scope::kNorms; }
  std::array<double, 2> measure_range(const Range& range) override;
  void update_range(const Range& range) override;
};

/// The same with the learning rate outside of v, so that a change of it acts at once on the steps gathered in v too:
/// v ← momentum · v − ratio (g + decay · p),  p ← p + lr · v. Source: as above; the correction: Goyal et al.,
/// "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017, section 3.
class CorrectedLars final : public RuleWithOptions<LarsOptions> {
 public:
  explicit CorrectedLars(const LarsOptions& options = {}) : RuleWithOptions(options) {}
  const char* name() const override { return "corrected_lars"; }
  std::vector<std::string> state_names() const override { return {"v"}; }

 private:
  Scope scope() const override { return Scope::kNorms; }
  std::array<double, 2> measure_range(const Range& range) override;
  void update_range(const Range& range) override;
};

/// Options of Adafactor.
struct AdafactorOptions {
  double lr = 0.01;              ///< the largest relative step; 1 / √t takes over when it is smaller
  double beta2_decay = -0.8;     ///< β2 of step t is 1 − t^beta2_decay
  double eps1 = -1;              ///< of the mean squares; negative: the dtype's own epsilon
  double eps2 = 1e-3;            ///< the least scale of a parameter
  double d = 1;                  ///< the largest root mean square of an update
  double weight_decay_rate = 0;  ///< decays apart from the gradient; multiplied by lr
  CommonOptions common = {};
};
/// Adam without m whose v of a matrix is the product of its rows' and columns' means: state of m + n numbers for m × n.
/// Parameters of more axes are matrices of their last two; vectors keep all of v.
/// Source: Shazeer, Stern, "Adafactor: adaptive learning rates with sublinear memory cost", 2018.
class Adafactor final : public RuleWithOptions<AdafactorOptions> {
 public:
  explicit Adafactor(const AdafactorOptions& options = {}) : RuleWithOptions(options) {}
  const char* name() const override { return "adafactor"; }
  void setup(Link& model) override;
  /// Keys "<path>/row_var", "<path>/col_var", or "<path>/variance".
  void serialize(Serializer& serializer) override;
  std::size_t state_bytes() const override;

 private:
  struct Squares {
    Shape shape;  ///< of the parameter; one that gets another begins anew
    Array row, column, whole;
  };
  Scope scope() const override { return Scope::kParameter; }
  void update_range(const Range& range) override;
  Squares& squares_of(const Parameter& parameter);
  void forget_removed();  ///< those of parameters that the model no longer has
  std::unordered_map<const Parameter*, Squares> squares_;
};

}  // namespace rensa
