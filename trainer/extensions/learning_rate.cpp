#include "trainer/extensions/learning_rate.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "trainer/trainer.h"

namespace rensa {

double learning_rate_at(const LearningRateOptions& o, double epoch) {
  if (epoch < o.warmup_epochs) return o.warmup_lr + (o.lr - o.warmup_lr) * epoch / o.warmup_epochs;
  const double decaying = o.epochs - o.warmup_epochs;
  const double progress = decaying > 0 ? std::clamp((epoch - o.warmup_epochs) / decaying, 0.0, 1.0) : 1;
  if (o.schedule == "step") {
    double lr = o.lr;
    for (const double milestone : o.milestones) lr *= epoch >= milestone ? o.gamma : 1;
    return lr;
  }
  if (o.schedule == "slow_start") {
    const double part = 90 * epoch / o.epochs;
    return o.lr * (part < 40 ? 0.5 : part < 70 ? 0.075 : part < 85 ? 0.01 : 0.001);
  }
  if (o.schedule == "cosine") {
    return o.final_lr + (o.lr - o.final_lr) * (1 + std::cos(std::numbers::pi * progress)) / 2;
  }
  if (o.schedule == "polynomial") return o.final_lr + (o.lr - o.final_lr) * std::pow(1 - progress, o.power);
  return o.lr;
}

LearningRate::LearningRate(const LearningRateOptions& options) : options_(options) {
  const auto& s = options.schedule;
  if (s != "constant" && s != "step" && s != "cosine" && s != "polynomial" && s != "slow_start") {
    throw ValueError("learning-rate schedule \"", s,
                     "\" is unknown, expected constant, step, cosine, polynomial or slow_start.");
  }
  if (!(options.lr > 0) || options.warmup_epochs < 0 || options.epochs <= 0 || options.power <= 0) {
    throw ValueError("learning-rate schedule: lr ", options.lr, ", warmup_epochs ", options.warmup_epochs, ", epochs ",
                     options.epochs, ", power ", options.power, "; lr, epochs and power should be above 0.");
  }
}

void LearningRate::initialize(Trainer& trainer) {
  trainer.optimizer().set_lr(learning_rate_at(options_, trainer.updater().epoch_detail()));
}

void LearningRate::operator()(Trainer& trainer) {
  trainer.observation()["lr"] = {trainer.optimizer().lr(), 1};  // of the step that was just made
  initialize(trainer);
}

}  // namespace rensa
