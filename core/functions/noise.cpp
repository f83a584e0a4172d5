#include "core/functions/noise.h"

#include "core/autograd/config.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/constants.h"
#include "core/functions/indexing.h"
#include "core/functions/linear.h"
#include "core/functions/math.h"
#include "core/functions/matmul.h"
#include "core/functions/random_arrays.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "core/functions/softmax.h"
#include "core/kernels/indexing.h"

namespace rensa::functions {
namespace {

void check_ratio(const char* name, double ratio, double most) {
  if (!(ratio >= 0 && ratio <= most)) throw ValueError(name, ": ratio is ", ratio, ", expected 0 to ", most, ".");
}

/// True with probability `ratio`.
Array drawn(const Shape& shape, double ratio) {
  return kernels::compare(draw_uniform(shape, 0, 1, Dtype::kFloat64), full(shape, ratio, Dtype::kFloat64),
                          kernels::Comparison::kLess);
}

}  // namespace

Variable gaussian(const Variable& mean_of, const Variable& ln_var) {
  if (mean_of.shape() != ln_var.shape()) {
    throw ShapeError("gaussian: mean is ", mean_of.shape(), ", ln_var is ", ln_var.shape(), "; expected equal shapes.");
  }
  return mean_of + exp(ln_var * 0.5) * constant_like(mean_of, draw_normal(mean_of.shape(), mean_of.dtype()));
}

Variable gumbel_softmax(const Variable& log_pi, double tau, int axis) {
  if (!(tau > 0)) throw ValueError("gumbel_softmax: tau is ", tau, ", expected a number above 0.");
  return softmax((log_pi + constant_like(log_pi, draw_gumbel(log_pi.shape(), log_pi.dtype()))) / tau, axis);
}

Variable simplified_dropconnect(const Variable& x, const Variable& W, const Variable* b, double ratio) {
  if (!(ratio >= 0 && ratio < 1))
    throw ValueError("simplified_dropconnect: ratio is ", ratio, ", expected 0 to below 1.");
  if (!config().train || ratio == 0) return linear(x, W, b);
  {
    const NoBackpropMode checks_only;
    linear(x, W, b);
  }
  const std::int64_t batch = x.shape()[0], in = W.shape()[1], out = W.shape()[0];
  const Variable kept = constant_like(W, drawn({batch, out, in}, 1 - ratio)) / (1 - ratio);
  const Variable y = squeeze(matmul(W * kept, reshape(x, {batch, in, 1})), 2);
  return b ? y + *b : y;
}

Variable zoneout(const Variable& h, const Variable& x, double ratio) {
  check_ratio("zoneout", ratio, 1);
  if (h.shape() != x.shape()) {
    throw ShapeError("zoneout: h is ", h.shape(), ", x is ", x.shape(), "; expected equal shapes.");
  }
  if (!config().train) return x;
  return where(drawn(h.shape(), ratio), h, x);
}

}  // namespace rensa::functions
