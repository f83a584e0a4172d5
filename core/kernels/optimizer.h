#pragma once

#include <vector>

#include "core/kernels/kernel.h"

namespace rensa::kernels {

/// How gradients are taken in: each is replaced by scale · g + weight_decay · p on the way, in the same pass.
struct GradientIntake {
  double scale = 1;
  double weight_decay = 0;
};

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
  double step;   ///< η · α · √(1 − β2ᵗ) / (1 − β1ᵗ)
  double decay;  ///< η · weight_decay_rate
};
/// m ← m + (1 − β1)(g − m),  v ← v + (1 − β2)(g² − v),  p ← p − step · m / (√v + eps) − decay · p
extern Kernel<void(const Array& p, const Array& g, const Array& m, const Array& v, const AdamStep& step,
                   const GradientIntake& intake)>
    adam_update;

/// A float32 master that does not round to the 16-bit value of its parameter was overtaken by somebody who wrote the
/// value: the master becomes that value. Equal shapes, 1-d and contiguous.
extern Kernel<void(const Array& masters, const Array& values)> adopt_values;

/// Σ x² of `first` and all the others (on the same device), summed in float64 in an order that depends on the sizes only.
/// The host waits for it once.
extern Kernel<double(const Array& first, const std::vector<Array>& others)> sum_of_squares;

}  // namespace rensa::kernels
