#pragma once

#include <functional>
#include <string>
#include <vector>

#include "trainer/extension.h"

namespace rensa {

/// Options of LearningRate.
struct LearningRateOptions {
  double lr = 0.1;                      ///< the rate after warm-up, before any decay
  std::string schedule = "constant";    ///< "constant", "step", "cosine", "polynomial" or "slow_start"
  double epochs = 1;                    ///< of the whole run: where cosine and polynomial end
  std::vector<double> milestones = {};  ///< step: epochs at which the rate is multiplied by gamma
  double gamma = 0.1;
  double power = 1;          ///< polynomial: (1 - progress)^power
  double final_lr = 0;       ///< cosine and polynomial end here
  double warmup_epochs = 0;  ///< the rate rises linearly from warmup_lr
  double warmup_lr = 0;
};

/// The learning rate at `epoch` (with its fraction). A pure function of the options, so that nothing needs saving.
/// slow_start: 0.5 of lr for 40 of 90 parts of the run, 0.075 up to 70, 0.01 up to 85, then 0.001: Akiba, Suzuki,
/// Fukuda, "Extremely large minibatch SGD: training ResNet-50 on ImageNet in 15 minutes", 2017, section 2.2. Cosine:
/// Loshchilov and Hutter, "SGDR", 2017. Warm-up: Goyal et al., "Accurate, large minibatch SGD", 2017.
double learning_rate_at(const LearningRateOptions& options, double epoch);

/// Sets the optimizer's learning rate for every step and reports it as "lr". The constructor throws ValueError for an
/// unknown schedule or a number out of range.
class LearningRate final : public Extension {
 public:
  explicit LearningRate(const LearningRateOptions& options);
  std::string name() const override { return "LearningRate"; }
  int default_priority() const override { return kEditor; }
  void initialize(Trainer& trainer) override;
  void operator()(Trainer& trainer) override;

 private:
  const LearningRateOptions options_;
};

}  // namespace rensa
