#pragma once

#include <cmath>

#include "core/kernels/formulas/annotation.h"

namespace rensa::kernels::formulas {

/// Where the numbers are in a step's control: what was decided about its gradients, and a dynamic loss scale, in
/// float64 on the gradients' device, so that the host need not know them.
enum StepControl : int {
  kFactor,     ///< gradients are multiplied by it: the loss scale divided out, the norm clipped
  kMade,       ///< 0: their sum was not finite, and the step changes nothing
  kLeftOut,    ///< steps that changed nothing since the control was made
  kLossScale,  ///< of the next step
  kSettled,    ///< 1: gradients were not finite once
  kStepControls
};

struct StepDecision {
  bool dynamic = false;  ///< the loss scale is the control's own; otherwise unscale divides it out
  double unscale = 1;    ///< 1 / a fixed loss scale
  double clip_norm = 0;  ///< 0: gradients are not clipped
  double growth = 1;     ///< what a settled dynamic scale grows by in each step
};

constexpr double kLargestLossScale = 65504;  ///< float16's largest number

/// A dynamic loss scale after a step whose gradients were finite, or not.
RENSA_FORMULA inline double next_loss_scale(double scale, bool finite, bool settled, double growth) {
  const double next = scale * (!finite ? 0.5 : settled ? growth : 2.0);
  return next < 1 ? 1 : next > kLargestLossScale ? kLargestLossScale : next;
}

/// The factor that brings gradients of the norm √squares, whose loss scale `unscale` divides out, to clip_norm at most.
RENSA_FORMULA inline double gradient_factor(double squares, double unscale, double clip_norm) {
  if (clip_norm <= 0) return unscale;
  const double norm = std::sqrt(squares) * unscale;
  return norm > clip_norm ? unscale * clip_norm / norm : unscale;
}

/// From Σ g², the decision about one step.
RENSA_FORMULA inline void decide_step(double* control, double squares, const StepDecision& d) {
  const bool finite = squares - squares == 0;  // neither infinite nor not-a-number
  control[kFactor] = gradient_factor(squares, d.dynamic ? 1 / control[kLossScale] : d.unscale, d.clip_norm);
  control[kMade] = finite || !d.dynamic ? 1 : 0;
  if (!d.dynamic) return;
  if (!finite) {
    control[kLeftOut] += 1;
    control[kSettled] = 1;
  }
  control[kLossScale] = next_loss_scale(control[kLossScale], finite, control[kSettled] != 0, d.growth);
}

/// Adam's step size for update number t.
RENSA_FORMULA inline double adam_size(double alpha, double beta1, double beta2, double t) {
  return alpha * std::sqrt(1 - std::pow(beta2, t)) / (1 - std::pow(beta1, t));
}

}  // namespace rensa::kernels::formulas
