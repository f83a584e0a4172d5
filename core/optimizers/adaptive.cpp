#include "core/optimizers/adaptive.h"

#include <algorithm>
#include <cmath>

#include "core/kernels/optimizer_rules.h"

namespace rensa {
namespace {

template <class Range>
kernels::GradientIntake intake(const Range& range) {
  return {.scale = range.gradient_scale, .weight_decay = range.weight_decay, .control = range.control};
}

}  // namespace

void CorrectedMomentumSgd::update_range(const Range& r) {
  kernels::corrected_momentum_update(r.values, r.gradients, r.state, {options_.lr * r.lr_scale, options_.momentum},
                                     intake(r));
}

void AdaGrad::update_range(const Range& r) {
  kernels::adagrad_update(r.values, r.gradients, r.state, {options_.lr * r.lr_scale, options_.eps}, intake(r));
}

void AdaDelta::update_range(const Range& r) {
  kernels::adadelta_update(r.values, r.gradients, r.state, {options_.lr * r.lr_scale, options_.rho, options_.eps},
                           intake(r));
}

void RmsProp::update_range(const Range& r) {
  const double outside = options_.eps_inside_sqrt ? 0 : options_.eps,
               inside = options_.eps_inside_sqrt ? options_.eps : 0;
  kernels::rmsprop_update(r.values, r.gradients, r.state, {options_.lr * r.lr_scale, options_.alpha, outside, inside},
                          intake(r));
}

void RmsPropGraves::update_range(const Range& r) {
  kernels::rmsprop_graves_update(r.values, r.gradients, r.state,
                                 {options_.lr * r.lr_scale, options_.alpha, options_.momentum, options_.eps},
                                 intake(r));
}

double RmsPropWarmup::sgd_share(double t) const {
  if (options_.centre <= 0) return 1;
  if (options_.period <= 0) return t < options_.centre ? 0 : 1;
  const double periods = (t - options_.centre) / options_.period;
  return periods < 0 ? std::exp(2 * periods) / 2 : std::min(1.0, 0.5 + periods);
}

void RmsPropWarmup::update_range(const Range& r) {
  const double sgd = sgd_share(static_cast<double>(r.t));
  const double rmsprop = options_.lr == 0 ? 0 : (1 - sgd) * options_.rmsprop_lr / options_.lr;  // 0: there is no step
  kernels::rmsprop_warmup_update(
      r.values, r.gradients, r.state,
      {options_.lr * r.lr_scale, options_.momentum, options_.alpha, options_.eps, sgd, rmsprop}, intake(r));
}

void Smorms3::update_range(const Range& r) {
  kernels::smorms3_update(r.values, r.gradients, r.state,
                          {options_.lr * r.lr_scale, options_.eps, r.t == 1 ? 1.0 : 0.0}, intake(r));
}

void Msvag::update_range(const Range& r) {
  constexpr double kMostRho = 0.9999;
  const double beta = options_.beta, power = std::pow(beta, static_cast<double>(r.t));
  const double rho = (1 - beta) * (1 - beta) * (1 - power * power) / ((1 - power) * (1 - power) * (1 - beta * beta));
  kernels::msvag_update(r.values, r.gradients, r.state,
                        {options_.eta * options_.lr * r.lr_scale, 1 - beta, 1 / (1 - power), std::min(rho, kMostRho),
                         options_.eta * options_.weight_decay_rate * r.decay_scale},
                        intake(r));
}

void Lion::update_range(const Range& r) {
  const double lr = options_.lr * r.lr_scale;
  kernels::lion_update(r.values, r.gradients, r.state,
                       {lr, options_.beta1, 1 - options_.beta1, options_.beta2, 1 - options_.beta2,
                        lr * options_.weight_decay_rate * r.decay_scale},
                       intake(r));
}

}  // namespace rensa
