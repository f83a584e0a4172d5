#pragma once

#include <vector>

#include "core/kernels/formulas/step_control.h"
#include "core/kernels/kernel.h"

namespace rensa::kernels {

using formulas::StepDecision;

/// How gradients are taken in: each is replaced by scale · g + weight_decay · p on the way, in the same pass.
struct GradientIntake {
  double scale = 1;
  double weight_decay = 0;
  /// decide_step()'s numbers, in memory of the arrays' device that the caller keeps: `scale` is multiplied by their
  /// kFactor, and nothing changes if their kMade is 0. Null: there are none.
  const double* control = nullptr;
};

/// What kernels of the host do with an intake: whether the step is made, and the intake with the control's factor in
/// it.
inline bool is_made(const GradientIntake& intake) { return !intake.control || intake.control[formulas::kMade] != 0; }
inline GradientIntake decided(const GradientIntake& intake) {
  if (!intake.control) return intake;
  return {.scale = intake.scale * intake.control[formulas::kFactor], .weight_decay = intake.weight_decay};
}

// The update rules, each one pass over 1-d contiguous float32 or float64 arrays of one size. See core/optimizers.

/// p ← p − lr · g
extern Kernel<void(const Array& p, const Array& g, double lr, const GradientIntake& intake)> sgd_update;

/// v ← momentum · v − lr · g,  p ← p + v
extern Kernel<void(const Array& p, const Array& g, const Array& v, double lr, double momentum,
                   const GradientIntake& intake)>
    momentum_sgd_update;

/// v ← momentum · v − lr · g,  p ← p + momentum · v − lr · g
extern Kernel<void(const Array& p, const Array& g, const Array& v, double lr, double momentum,
                   const GradientIntake& intake)>
    nesterov_ag_update;

struct AdamStep {
  double beta1, beta2, eps;
  double step;       ///< η · α · √(1 − β2ᵗ) / (1 − β1ᵗ)
  double decay;      ///< η · weight_decay_rate
  double alpha = 0;  ///< η · α and t, of which a step is made anew where the intake's control knows of steps left out
  double t = 0;
};
/// m ← m + (1 − β1)(g − m),  v ← v + (1 − β2)(g² − v),  p ← p − step · m / (√v + eps) − decay · p
extern Kernel<void(const Array& p, const Array& g, const Array& m, const Array& v, const AdamStep& step,
                   const GradientIntake& intake)>
    adam_update;

/// A float32 master that does not round to the 16-bit value of its parameter was overtaken by somebody who wrote the
/// value: the master becomes that value. Equal shapes, 1-d and contiguous.
extern Kernel<void(const Array& masters, const Array& values)> adopt_values;

/// Σ x² of `first` and all the others (on the same device), summed in float64 in an order that depends on the sizes
/// only: an array of one element, for which the host does not wait.
extern Kernel<Array(const Array& first, const std::vector<Array>& others)> sum_of_squares;

/// Writes into `control` (kStepControls float64 numbers) what is to be done with gradients whose Σ g² is `squares` (one
/// float64 number): formulas::decide_step.
extern Kernel<void(const Array& control, const Array& squares, const StepDecision& decision)> decide_step;

}  // namespace rensa::kernels
