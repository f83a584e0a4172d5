#pragma once

#include <array>
#include <vector>

#include "core/kernels/formulas/optimizer.h"
#include "core/kernels/kernel.h"
#include "core/kernels/optimizer.h"

namespace rensa::kernels {

using formulas::RuleNumbers;

/// An update rule as one pass over 1-d contiguous float32 or float64 arrays of one size: p from g and what is kept in
/// `state`. Each is a formula of kernels/formulas/optimizer.h, which also says what the numbers are.
using UpdateRule = Kernel<void(const Array& p, const Array& g, const std::vector<Array>& state,
                               const RuleNumbers& numbers, const GradientIntake& intake)>;

extern UpdateRule corrected_momentum_update, adagrad_update, adadelta_update, rmsprop_update, rmsprop_graves_update,
    rmsprop_warmup_update, smorms3_update, msvag_update, bounded_adam_update, amsbound_update, rectified_adam_update,
    lion_update;

/// Moves m and v; {Σ p², Σ r²} with r the direction of formulas::LambStep. Sums in float64, in an order that depends on
/// the size only.
extern Kernel<std::array<double, 2>(const Array& p, const Array& g, const Array& m, const Array& v,
                                    const RuleNumbers& numbers, const GradientIntake& intake)>
    lamb_moments;
/// p ← p − step · r.
extern Kernel<void(const Array& p, const Array& m, const Array& v, double step, const RuleNumbers& numbers)> lamb_apply;

/// Adafactor's step of one parameter (…, rows, columns), contiguous. `row` (…, rows) and `column` (…, columns) are
/// means of squares over the other axis, moved by `mix` towards the gradient's; without them `whole` (p's shape) keeps
/// every square.
struct AdafactorStep {
  double mix, lr, eps1, eps2, d, decay;
};
extern Kernel<void(const Array& p, const Array& g, const Array& row, const Array& column, const Array& whole,
                   const AdafactorStep& step, const GradientIntake& intake)>
    adafactor_update;

/// average ← average + weight (x − average); average is dense, and float32 or float64 whatever x is.
extern Kernel<void(const Array& average, const Array& x, double weight)> average_update;

}  // namespace rensa::kernels
