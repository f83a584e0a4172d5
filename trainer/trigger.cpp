#include "trainer/trigger.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "core/error.h"
#include "core/serializers/serializer.h"
#include "trainer/trainer.h"

namespace rensa {

bool Trigger::is_due(const Updater& updater) const {
  if (updater.iteration() == 0) return false;
  if (unit == Unit::kIteration) return updater.iteration() % static_cast<std::int64_t>(period) == 0;
  const double before = std::max(0.0, updater.previous_epoch_detail());
  return std::floor(before / period) != std::floor(updater.epoch_detail() / period);
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
  Trigger trigger;
  std::string unit, rest;
  const bool read = static_cast<bool>(in >> trigger.period >> unit) && !(in >> rest);
  const bool epochs = unit == "epoch" || unit == "epochs", iterations = unit == "iteration" || unit == "iterations";
  const bool whole = trigger.period == std::floor(trigger.period) && trigger.period >= 1;
  if (!read || !(epochs || iterations) || !(trigger.period > 0) || (iterations && !whole)) {
    throw ValueError("\"", text, "\" is not an interval, expected for example \"1 epoch\" or \"500 iterations\".");
  }
  trigger.unit = epochs ? Unit::kEpoch : Unit::kIteration;
  return trigger;
}

}  // namespace rensa
