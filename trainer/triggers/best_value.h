#pragma once

#include <functional>
#include <memory>
#include <string>

#include "trainer/trigger.h"

namespace rensa {

/// Agrees when the mean of an observed value since the last time is better than it ever was: the rule of Chainer's
/// BestValueTrigger, MaxValueTrigger and MinValueTrigger. The first value is the best so far.
///
///   {.trigger = Trigger{1, Unit::kEpoch, max_value("validation/main/accuracy")}}
std::shared_ptr<TriggerRule> max_value(std::string key);
std::shared_ptr<TriggerRule> min_value(std::string key);  ///< the same for the smallest
/// `is_better(best, value)`: whether `value` beats the best one so far.
std::shared_ptr<TriggerRule> best_value(std::string key, std::function<bool(double best, double value)> is_better);

}  // namespace rensa
