#include "core/kernels/optimizer.h"

namespace rensa::kernels {

constinit Kernel<void(const Array&, const Array&, double, const GradientIntake&)> sgd_update("sgd_update");
constinit Kernel<void(const Array&, const Array&, const Array&, double, double, const GradientIntake&)>
    momentum_sgd_update("momentum_sgd_update");
constinit Kernel<void(const Array&, const Array&, const Array&, double, double, const GradientIntake&)>
    nesterov_ag_update("nesterov_ag_update");
constinit Kernel<void(const Array&, const Array&, const Array&, const Array&, const AdamStep&, const GradientIntake&)>
    adam_update("adam_update");
constinit Kernel<void(const Array&, const Array&)> adopt_values("adopt_values");
constinit Kernel<Array(const Array&, const std::vector<Array>&)> sum_of_squares("sum_of_squares");
constinit Kernel<void(const Array&, const Array&, const StepDecision&)> decide_step("decide_step");

}  // namespace rensa::kernels
