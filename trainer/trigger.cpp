#include "trainer/trigger.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "core/error.h"
#include "core/serializers/serializer.h"
#include "trainer/trainer.h"

namespace rensa {

Trigger::Trigger(double every, Unit of, std::shared_ptr<TriggerRule> if_agreed)
    : period(every), unit(of), rule(std::move(if_agreed)) {
  const bool whole = every == std::floor(every);
  if (!(every > 0) || (of == Unit::kIteration && !whole)) {
    throw ValueError("trigger: a period of ", every, of == Unit::kEpoch ? " epochs" : " iterations", ", expected ",
                     of == Unit::kEpoch ? "more than 0." : "a whole number from 1 on.");
  }
}

bool Trigger::is_due(const Updater& updater) const {
  if (updater.iteration() == 0) return false;
  if (unit == Unit::kIteration) return updater.iteration() % static_cast<std::int64_t>(period) == 0;
  // 3 / 10 of an epoch are 2.9999999999999996 periods of 0.1
  const auto passed = [this](double epochs) { return std::floor(epochs / period + 1e-9); };
  return passed(std::max(0.0, updater.previous_epoch_detail())) != passed(updater.epoch_detail());
}

bool Trigger::fires(Trainer& trainer) const {
  if (rule) rule->observe(trainer);
  return is_due(trainer.updater()) && (!rule || (*rule)(trainer));
}

void Trigger::serialize(Serializer& serializer, Trainer& trainer) const {
  if (rule) rule->serialize(serializer, trainer);
  if (serializer.is_loading()) return;
  std::int64_t iteration = trainer.updater().iteration();
  double detail = trainer.updater().epoch_detail();
  serializer("previous_iteration", iteration);
  serializer("previous_epoch_detail", detail);
}

Trigger parse_trigger(const std::string& text) {
  std::istringstream in(text);
  double period = 0;
  std::string unit, rest;
  const bool read = static_cast<bool>(in >> period >> unit) && !(in >> rest);
  const bool epochs = unit == "epoch" || unit == "epochs", iterations = unit == "iteration" || unit == "iterations";
  if (!read || !(epochs || iterations)) {
    throw ValueError("\"", text, "\" is not an interval, expected for example \"1 epoch\" or \"500 iterations\".");
  }
  return {period, epochs ? Unit::kEpoch : Unit::kIteration};
}

}  // namespace rensa
