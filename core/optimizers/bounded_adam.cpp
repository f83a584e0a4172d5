#include "core/optimizers/bounded_adam.h"

#include <cmath>
#include <limits>

#include "core/kernels/optimizer_rules.h"
#include "core/serializers/serializer.h"

namespace rensa {
namespace {

template <class Range>
kernels::GradientIntake intake(const Range& range) {
  return {.scale = range.gradient_scale, .weight_decay = range.weight_decay};
}

struct Bounds {
  double lower = 0, upper = std::numeric_limits<double>::infinity();
};

/// Of a run that began with a rate of 0, which nothing is in proportion to, the final rate is as given.
Bounds bounds_at(const BoundedAdamOptions& o, double first_lr, double t) {
  const double change = first_lr != 0 ? o.lr / first_lr : o.lr != 0 ? 1 : 0, final_lr = o.final_lr * change;
  return {final_lr * (1 - 1 / (o.gamma * t + 1)), final_lr * (1 + 1 / (o.gamma * t))};
}

template <class Range>
kernels::RuleNumbers numbers(const BoundedAdamOptions& o, const Range& r, const Bounds& bounds) {
  const auto t = static_cast<double>(r.t);
  const double upper = std::isinf(bounds.upper) ? bounds.upper : bounds.upper * r.lr_scale;  // not inf × 0
  const double alpha = o.lr * r.lr_scale * std::sqrt(1 - std::pow(o.beta2, t)) / (1 - std::pow(o.beta1, t));
  return {1 - o.beta1,
          1 - o.beta2,
          o.eps,
          alpha,
          bounds.lower * r.lr_scale,
          upper,
          o.eta,
          o.eta * o.weight_decay_rate * r.decay_scale};
}

}  // namespace

void AmsGrad::update_range(const Range& r) {
  kernels::amsbound_update(r.values, r.gradients, r.state, numbers(options_, r, {}), intake(r));
}

void AdaBound::update_range(const Range& r) {
  const Bounds bounds = bounds_at(options_, first_lr_, static_cast<double>(r.t));
  kernels::bounded_adam_update(r.values, r.gradients, r.state, numbers(options_, r, bounds), intake(r));
}

void AmsBound::update_range(const Range& r) {
  const Bounds bounds = bounds_at(options_, first_lr_, static_cast<double>(r.t));
  kernels::amsbound_update(r.values, r.gradients, r.state, numbers(options_, r, bounds), intake(r));
}

void AdaBound::serialize(Serializer& serializer) {
  RuleWithOptions::serialize(serializer);
  if (serializer.has("first_lr")) serializer("first_lr", first_lr_);
}

void AmsBound::serialize(Serializer& serializer) {
  RuleWithOptions::serialize(serializer);
  if (serializer.has("first_lr")) serializer("first_lr", first_lr_);
}

void RAdam::update_range(const Range& r) {
  constexpr double kFewestSamples = 5;  ///< of the averaged squares, below which their variance is not finite
  const auto t = static_cast<double>(r.t);
  const double power2 = std::pow(options_.beta2, t), lr = options_.lr * r.lr_scale;
  const double longest = 2 / (1 - options_.beta2) - 1, length = longest - 2 * t * power2 / (1 - power2);
  const bool adaptive = length > kFewestSamples;
  double step = lr / (1 - std::pow(options_.beta1, t));
  if (adaptive) {
    step *= std::sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)) *
            std::sqrt(1 - power2);
  }
  kernels::rectified_adam_update(r.values, r.gradients, r.state,
                                 {1 - options_.beta1, 1 - options_.beta2, options_.eps, step, adaptive ? 1.0 : 0.0,
                                  lr * options_.weight_decay_rate * r.decay_scale},
                                 intake(r));
}

}  // namespace rensa
