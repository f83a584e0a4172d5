#include "core/optimizers/loss_scale.h"

#include <cmath>

#include "core/error.h"
#include "core/kernels/formulas/step_control.h"
#include "core/serializers/serializer.h"

namespace rensa {

LossScale LossScale::fixed(double scale) {
  if (!(scale > 0)) throw ValueError("loss scale: ", scale, ", expected a number above 0.");
  LossScale result;
  result.value_ = scale;
  return result;
}

LossScale LossScale::dynamic(std::int64_t interval) {
  if (interval < 1) throw ValueError("loss scale: the interval is ", interval, " steps, expected at least 1.");
  LossScale result;
  result.interval_ = interval;
  return result;
}

void LossScale::after_step(bool finite) {
  if (!is_dynamic()) return;
  settled_ = settled_ || !finite;
  value_ = kernels::formulas::next_loss_scale(value_, finite, settled_, growth());
}

double LossScale::growth() const { return std::exp2(1 / static_cast<double>(interval_)); }

void LossScale::become(double value, bool settled) {
  value_ = value;
  settled_ = settled;
}

void LossScale::serialize(Serializer& serializer) {
  if (!is_dynamic() || !serializer.has("loss_scale")) return;
  serializer("loss_scale", value_);
  serializer("loss_scale_settled", settled_);
}

}  // namespace rensa
