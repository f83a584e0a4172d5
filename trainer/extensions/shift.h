#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "trainer/extension.h"

namespace rensa {

/// A value by how often the extension was called, `t`, and what it was at first, `init`.
using ShiftFormula = std::function<double(double init, std::int64_t t)>;

/// init × rate^t, not beyond `target` (the end that the sign of the change points to). ExponentialShift.
ShiftFormula exponential_shift(double rate, std::optional<double> target = std::nullopt);
/// init × (1 + gamma × t)^-power, not beyond `target`. InverseShift.
ShiftFormula inverse_shift(double gamma, double power, std::optional<double> target = std::nullopt);
/// From `first` to `last` while t goes from `begin` to `end`; constant before and after. LinearShift.
ShiftFormula linear_shift(double first, double last, std::int64_t begin, std::int64_t end);
/// init × gamma^(number of `steps` that t has reached). MultistepShift.
ShiftFormula multistep_shift(double gamma, std::vector<std::int64_t> steps);
/// init × (1 - t / max_count)^rate, not beyond `target`; 0 from max_count on. PolynomialShift.
ShiftFormula polynomial_shift(double rate, std::int64_t max_count, std::optional<double> target = std::nullopt);
/// init × gamma^floor(t / step), not beyond `target`. StepShift.
ShiftFormula step_shift(double gamma, std::int64_t step, std::optional<double> target = std::nullopt);
/// From `start` to init while t goes from 0 to `iterations`, then init. WarmupShift.
ShiftFormula warmup_shift(double start, std::int64_t iterations);

/// A number of the run that a Shift sets.
struct ShiftedValue {
  std::string name;
  std::function<double(Trainer&)> get;
  std::function<void(Trainer&, double)> set;
};
/// The optimizer's learning rate, reported as "lr" by ObserveValue or LearningRate.
ShiftedValue learning_rate_value();

/// Sets a value each time it is called, by a formula: Chainer's …Shift extensions.
///
///   trainer.extend(std::make_unique<Shift>(exponential_shift(0.95)), {.trigger = Trigger{1, Unit::kEpoch}});
///
/// t counts the calls and is part of the snapshot. `init`: what the value is at first; nothing: what it is then.
class Shift final : public Extension {
 public:
  explicit Shift(ShiftFormula formula, std::optional<double> init = std::nullopt,
                 ShiftedValue value = learning_rate_value());
  std::string name() const override { return "Shift_" + value_.name; }
  Trigger default_trigger() const override { return {1, Unit::kIteration}; }
  void initialize(Trainer& trainer) override;
  void operator()(Trainer& trainer) override;
  void serialize(Serializer& serializer, Trainer& trainer) override;

 private:
  const ShiftFormula formula_;
  std::optional<double> init_;
  const ShiftedValue value_;
  std::int64_t t_ = 0;
};

}  // namespace rensa
