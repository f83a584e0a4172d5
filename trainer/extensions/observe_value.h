#pragma once

#include <functional>
#include <string>

#include "trainer/extension.h"

namespace rensa {

/// Reports what a function of the trainer returns under a name: Chainer's observe_value and, with the optimizer's rate,
/// observe_lr.
class ObserveValue final : public Extension {
 public:
  ObserveValue(std::string key, std::function<double(Trainer&)> value)
      : key_(std::move(key)), value_(std::move(value)) {}
  std::string name() const override { return "observe_" + key_; }
  Trigger default_trigger() const override { return {1, Unit::kIteration}; }
  int default_priority() const override { return kWriter; }
  void operator()(Trainer& trainer) override;

 private:
  const std::string key_;
  const std::function<double(Trainer&)> value_;
};

/// Reports a quotient of two sums: numerator and denominator are observed names whose values are added up since the
/// last time the trigger fired. Chainer's MicroAverage: an accuracy over all tokens instead of a mean of batches'
/// accuracies. Sums are over the steps of this rank; LogReport weighs ranks by the denominator.
class MicroAverage final : public Extension {
 public:
  MicroAverage(std::string numerator, std::string denominator, std::string result,
               const Trigger& trigger = {1, Unit::kEpoch});
  std::string name() const override { return "MicroAverage_" + result_; }
  Trigger default_trigger() const override { return trigger_; }
  int default_priority() const override { return kEditor; }
  void observe(Trainer& trainer) override;
  void operator()(Trainer& trainer) override;
  void serialize(Serializer& serializer, Trainer& trainer) override;

 private:
  const std::string numerator_key_, denominator_key_, result_;
  const Trigger trigger_;
  double numerator_ = 0, denominator_ = 0;
};

}  // namespace rensa
