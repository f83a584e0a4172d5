#include "core/optimizers/adam.h"

#include "core/error.h"
#include "core/kernels/optimizer.h"

namespace rensa {

Adam::Adam(const AdamOptions& options) : Adam(options, Unchecked{}) {
  if (options.weight_decay_rate != 0) {
    throw ValueError("adam: weight_decay_rate is AdamW's, found ", options.weight_decay_rate,
                     ". Use AdamW, or common.weight_decay for a decay inside the gradient.");
  }
}

void Adam::update_range(const Range& range) {
  const auto t = static_cast<double>(range.t);
  const double alpha = options_.lr * range.lr_scale;
  const double corrected = kernels::formulas::adam_size(alpha, options_.beta1, options_.beta2, t);
  kernels::adam_update(range.values, range.gradients, range.state[0], range.state[1],
                       {.beta1 = options_.beta1,
                        .beta2 = options_.beta2,
                        .eps = options_.eps,
                        .step = options_.eta * corrected,
                        .decay = options_.eta * options_.weight_decay_rate * range.decay_scale,
                        .alpha = options_.eta * alpha,
                        .t = t},
                       {.scale = range.gradient_scale, .weight_decay = range.weight_decay, .control = range.control});
}

}  // namespace rensa
