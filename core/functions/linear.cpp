#include "core/functions/linear.h"

#include <algorithm>

#include "core/autograd/function.h"
#include "core/error.h"
#include "core/functions/matmul.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "core/kernels/product.h"

namespace rensa::functions {
namespace {

struct Linear final : Function {
  const char* name() const override { return "linear"; }

  Array forward(const Array& x, const Array& W) override { return forward(x, W, Array()); }
  Array forward(const Array& x, const Array& W, const Array& b) override {
    retain_inputs(0, 1);
    return kernels::linear(x, W, b);
  }
  Variables backward(const Variable& gy) override {
    auto [x, W] = retained_inputs<2>();
    Variables gradients(static_cast<std::size_t>(inputs()));
    if (needs_input_grad(1)) {
      gradients[1] = give_early(1, matmul_into(gradient_destination(1), gy, x, /*transpose_a=*/true));
    }
    if (inputs() == 3 && needs_input_grad(2)) gradients[2] = give_early(2, sum(gy, {0}));
    if (needs_input_grad(0)) gradients[0] = matmul(gy, W);
    return gradients;
  }
};

void check(const Variable& x, const Variable& W, const Variable* b) {
  if (x.ndim() < 2 || W.ndim() != 2) {
    throw ShapeError("linear: expected x (batch, in) and W (out, in), found x ", x.shape(), " and W ", W.shape(), ".");
  }
  const std::int64_t features = x.shape()[0] == 0 ? W.shape()[1] : x.size() / x.shape()[0];
  if (features != W.shape()[1]) {
    throw ShapeError("linear: x has ", features, " features, W expects ", W.shape()[1], " (x is ", x.shape(), ", W is ",
                     W.shape(), "). Reshape x, or build the link with in = ", features, ".");
  }
  if (b && b->shape() != Shape{W.shape()[0]}) {
    throw ShapeError("linear: b is ", b->shape(), ", expected (", W.shape()[0], ",) for W ", W.shape(), ".");
  }
  if (x.dtype() != W.dtype() || (b && b->dtype() != W.dtype())) {
    throw DtypeError("linear: x is ", x.dtype(), ", W is ", W.dtype(),
                     ". Convert x with cast(x, dtype), or build the link with that dtype.");
  }
}

}  // namespace

Variable linear(const Variable& x, const Variable& W, const Variable* b, int n_batch_axes) {
  if (n_batch_axes < 1 || n_batch_axes > std::max(1, x.ndim() - 1)) {
    throw ValueError("linear: n_batch_axes is ", n_batch_axes, ", x is ", x.shape(), "; expected 1 to ", x.ndim() - 1,
                     ".");
  }
  if (n_batch_axes > 1) {
    Shape batch, features = {1};
    for (int axis = 0; axis < n_batch_axes; ++axis) batch.push_back(x.shape()[axis]);
    for (int axis = n_batch_axes; axis < x.ndim(); ++axis) features[0] *= x.shape()[axis];
    const Variable y = linear(reshape(x, {total_size(batch), features[0]}), W, b);
    batch.push_back(W.shape()[0]);
    return reshape(y, batch);
  }
  check(x, W, b);
  const Variable rows = x.ndim() == 2 ? x : reshape(x, {x.shape()[0], W.shape()[1]});
  return b ? apply<Linear>(rows, W, *b) : apply<Linear>(rows, W);
}

}  // namespace rensa::functions
