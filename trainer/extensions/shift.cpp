#include "trainer/extensions/shift.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/serializers/serializer.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

/// `value`, which moved away from `init`, but not beyond `target`.
double limited(double value, double init, std::optional<double> target) {
  if (!target) return value;
  return *target > init ? std::min(value, *target) : std::max(value, *target);
}

}  // namespace

ShiftFormula exponential_shift(double rate, std::optional<double> target) {
  if (rate < 0) throw ValueError("exponential_shift: the rate is ", rate, ", expected 0 or more.");
  return [=](double init, std::int64_t t) { return limited(init * std::pow(rate, t), init, target); };
}

ShiftFormula inverse_shift(double gamma, double power, std::optional<double> target) {
  if (gamma < 0) throw ValueError("inverse_shift: gamma is ", gamma, ", expected 0 or more.");
  return [=](double init, std::int64_t t) {
    return limited(init * std::pow(1 + gamma * static_cast<double>(t), -power), init, target);
  };
}

ShiftFormula linear_shift(double first, double last, std::int64_t begin, std::int64_t end) {
  if (begin > end) throw ValueError("linear_shift: from ", begin, " to ", end, "; the end should not come first.");
  return [=](double, std::int64_t t) {
    if (t <= begin) return first;
    if (t >= end) return last;
    return first + (last - first) * static_cast<double>(t - begin) / static_cast<double>(end - begin);
  };
}

ShiftFormula multistep_shift(double gamma, std::vector<std::int64_t> steps) {
  if (gamma < 0) throw ValueError("multistep_shift: gamma is ", gamma, ", expected 0 or more.");
  return [=, steps = std::move(steps)](double init, std::int64_t t) {
    return init *
           std::pow(gamma, std::count_if(steps.begin(), steps.end(), [t](std::int64_t step) { return t >= step; }));
  };
}

ShiftFormula polynomial_shift(double rate, std::int64_t max_count, std::optional<double> target) {
  if (rate < 0 || max_count < 1) {
    throw ValueError("polynomial_shift: rate ", rate, ", max_count ", max_count,
                     "; expected 0 or more, and 1 or more.");
  }
  return [=](double init, std::int64_t t) {
    const double left = std::max(0.0, 1 - static_cast<double>(t) / static_cast<double>(max_count));
    return limited(init * std::pow(left, rate), init, target);
  };
}

ShiftFormula step_shift(double gamma, std::int64_t step, std::optional<double> target) {
  if (gamma < 0 || step < 1)
    throw ValueError("step_shift: gamma ", gamma, ", step ", step, "; expected 0 or more, and 1 or more.");
  return [=](double init, std::int64_t t) { return limited(init * std::pow(gamma, t / step), init, target); };
}

ShiftFormula warmup_shift(double start, std::int64_t iterations) {
  if (iterations < 1) throw ValueError("warmup_shift: ", iterations, " iterations, expected 1 or more.");
  return [=](double init, std::int64_t t) {
    if (t >= iterations) return init;
    return start + (init - start) * static_cast<double>(t) / static_cast<double>(iterations);
  };
}

ShiftedValue learning_rate_value() {
  return {.name = "lr",
          .get = [](Trainer& trainer) { return trainer.optimizer().lr(); },
          .set = [](Trainer& trainer, double lr) { trainer.optimizer().set_lr(lr); }};
}

Shift::Shift(ShiftFormula formula, std::optional<double> init, ShiftedValue value)
    : formula_(std::move(formula)), init_(init), value_(std::move(value)) {}

void Shift::initialize(Trainer& trainer) {
  if (!init_) init_ = value_.get(trainer);
  value_.set(trainer, formula_(*init_, t_));
}

void Shift::operator()(Trainer& trainer) {
  ++t_;
  value_.set(trainer, formula_(*init_, t_));
}

void Shift::serialize(Serializer& serializer, Trainer& trainer) {
  if (!serializer.is_loading() && !init_) init_ = value_.get(trainer);
  serializer("_t", t_);
  if (!serializer.is_loading()) {  // follows from the others here; Chainer's want to find it
    double last = formula_(*init_, t_);
    serializer("_last_value", last);
  }
  double init = init_.value_or(0);
  if (serializer.has("_init")) {
    serializer("_init", init);
    init_ = init;
  }
}

}  // namespace rensa
