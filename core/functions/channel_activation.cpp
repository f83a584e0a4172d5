#include "core/functions/channel_activation.h"

#include "core/autograd/config.h"
#include "core/error.h"
#include "core/functions/activation.h"
#include "core/functions/arithmetic.h"
#include "core/functions/constants.h"
#include "core/functions/random_arrays.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"

namespace rensa::functions {
namespace {

/// w x where x < 0, x elsewhere.
Variable with_slope(const Variable& x, const Variable& w) { return relu(x) - w * relu(-x); }

/// w with axes of size 1 before and after, so that it stands at x's axes from 1 on.
Variable from_axis_1(const char* name, const Variable& x, const Variable& w) {
  bool fits = w.ndim() < x.ndim();
  for (int i = 0; fits && i < w.ndim(); ++i) fits = w.shape()[i] == x.shape()[i + 1];
  if (!fits)
    throw ShapeError(name, ": the weight is ", w.shape(), ", x is ", x.shape(), "; expected x's sizes from axis 1 on.");
  Shape shape = w.shape();
  while (shape.ndim() < x.ndim() - 1) shape.push_back(1);
  return reshape(w, shape);
}

}  // namespace

Variable crelu(const Variable& x, int axis) {
  return concat({relu(x), relu(-x)}, normalize_axis(axis, x.ndim(), "crelu"));
}

Variable maxout(const Variable& x, std::int64_t pool_size, int axis) {
  const int at = normalize_axis(axis, x.ndim(), "maxout");
  if (pool_size < 1 || x.shape()[at] % pool_size != 0) {
    throw ShapeError("maxout: axis ", at, " of ", x.shape(), " is not a multiple of pool_size ", pool_size, ".");
  }
  Shape groups = x.shape();
  groups[at] /= pool_size;
  groups.insert(at + 1, pool_size);
  return max(reshape(x, groups), {at + 1});
}

Variable prelu(const Variable& x, const Variable& W) { return with_slope(x, from_axis_1("prelu", x, W)); }
Variable swish(const Variable& x, const Variable& beta) { return x * sigmoid(x * from_axis_1("swish", x, beta)); }

Variable rrelu(const Variable& x, double l, double u) {
  if (!(l <= u)) throw ValueError("rrelu: l is ", l, ", u is ", u, "; expected l <= u.");
  if (!config().train) return leaky_relu(x, (l + u) / 2);
  return with_slope(x, constant_like(x, draw_uniform(x.shape(), l, u, x.dtype())));
}

Variable glu(const Variable& x, int axis) {
  const Variables halves = split_axis(x, 2, axis);
  return halves[0] * sigmoid(halves[1]);
}

}  // namespace rensa::functions
