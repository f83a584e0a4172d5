#include "core/optimizers/momentum_sgd.h"

#include "core/kernels/optimizer.h"

namespace rensa {

void MomentumSgd::update_range(const Range& range) {
  kernels::momentum_sgd_update(
      range.values, range.gradients, range.state[0], lr_ * range.lr_scale, momentum_,
      {.scale = range.gradient_scale, .weight_decay = range.weight_decay, .control = range.control});
}

void NesterovAg::update_range(const Range& range) {
  kernels::nesterov_ag_update(
      range.values, range.gradients, range.state[0], lr_ * range.lr_scale, momentum_,
      {.scale = range.gradient_scale, .weight_decay = range.weight_decay, .control = range.control});
}

}  // namespace rensa
