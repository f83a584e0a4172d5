#include "core/optimizers/sgd.h"

#include "core/kernels/optimizer.h"

namespace rensa {

void Sgd::update_range(const Range& range) {
  kernels::sgd_update(range.values, range.gradients, lr_ * range.lr_scale,
                      {.scale = range.gradient_scale, .weight_decay = range.weight_decay, .control = range.control});
}

}  // namespace rensa
