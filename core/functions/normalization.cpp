#include "core/functions/normalization.h"

#include "core/autograd/function.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/lengths.h"
#include "core/functions/math.h"
#include "core/functions/padding.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "core/kernels/row_normalization.h"

namespace rensa::functions {
namespace {

/// x (rows, n); then gamma and beta (n) if there are any.
struct RowNormalization final : Function {
  double eps;
  bool centre;
  Array means, inverses;
  RowNormalization(double e, bool c) : eps(e), centre(c) {}
  const char* name() const override { return centre ? "layer_normalization" : "rms_normalization"; }

  Arrays forward(const Arrays& inputs) override {
    retain_inputs(0);
    if (inputs.size() > 1) retain_inputs(1);
    const Array gamma = inputs.size() > 1 ? inputs[1].contiguous() : Array();
    const Array beta = inputs.size() > 2 ? inputs[2].contiguous() : Array();
    const auto result = kernels::row_normalization(inputs[0].contiguous(), gamma, beta, eps, centre);
    means = result[1];
    inverses = result[2];
    return {result[0]};
  }

  Variables backward(const Variable& gy) override {
    const Variable x = retained_input(0), gamma = inputs() > 1 ? retained_input(1) : Variable();
    Variables gradients =
        config().enable_backprop ? differentiable_gradients(gy, x, gamma) : fused_gradients(gy, x, gamma);
    gradients.resize(static_cast<std::size_t>(inputs()));
    return gradients;
  }
  void release_saved() override { means = inverses = {}; }

 private:
  Variables fused_gradients(const Variable& gy, const Variable& x, const Variable& gamma) const {
    const auto [gx, ggamma, gbeta] =
        kernels::row_normalization_grad(gy.array().contiguous(), x.array().contiguous(),
                                        gamma ? gamma.array().contiguous() : Array(), means, inverses, centre);
    return {Variable(gx), Variable(ggamma), Variable(gbeta)};
  }
  /// The same over variables, for gradients of gradients.
  Variables differentiable_gradients(const Variable& gy, const Variable& x, const Variable& gamma) const {
    const Variable d = centre ? x - mean(x, {1}, /*keepdims=*/true) : x;
    const Variable inverse = pow(mean(square(d), {1}, true) + eps, -0.5), xhat = d * inverse;
    const Variable h = gamma ? gy * gamma : gy;
    Variable gx = h - xhat * mean(h * xhat, {1}, true);
    if (centre) gx = gx - mean(h, {1}, true);
    return {gx * inverse, sum(gy * xhat, {0}), sum(gy, {0})};
  }
};

/// x's last axes as one.
Variable as_rows(const char* name, const Variable& x, const Variable& gamma) {
  const int kept = x.ndim() - gamma.ndim();
  bool fits = kept >= 0 && gamma.ndim() > 0;
  for (int i = 0; fits && i < gamma.ndim(); ++i) fits = x.shape()[kept + i] == gamma.shape()[i];
  if (!fits) {
    throw ShapeError(name, ": gamma is ", gamma.shape(), ", x is ", x.shape(),
                     "; expected gamma to have x's last sizes.");
  }
  if (gamma.dtype() != x.dtype()) {
    throw DtypeError(name, ": x is ", x.dtype(), ", gamma is ", gamma.dtype(), ". Convert x with cast(x, dtype).");
  }
  std::int64_t rows = 1;
  for (int i = 0; i < kept; ++i) rows *= x.shape()[i];
  return reshape(x, {rows, gamma.size()});
}

/// One number a channel so that it broadcasts over x (batch, C, …).
Variable over_channels(const char* name, const Variable& v, const Variable& x) {
  if (x.ndim() < 2 || v.shape() != Shape{x.shape()[1]}) {
    throw ShapeError(name, ": x is ", x.shape(), ", a number for each channel (axis 1) was expected; found ", v.shape(),
                     ".");
  }
  Shape shape = Shape::filled(x.ndim() - 1, 1);
  shape[0] = v.size();
  return reshape(v, shape);
}

/// A 16-bit x with float32 parameters.
bool is_mixed(const Variable& x, const Variable& gamma) {
  return is_half(x.dtype()) && gamma.dtype() == Dtype::kFloat32;
}

}  // namespace

Variable layer_normalization(const Variable& x, const Variable& gamma, const Variable& beta, double eps) {
  if (is_mixed(x, gamma)) return cast(layer_normalization(cast(x, Dtype::kFloat32), gamma, beta, eps), x.dtype());
  const Variable rows = as_rows("layer_normalization", x, gamma);
  if (beta.shape() != gamma.shape()) {
    throw ShapeError("layer_normalization: gamma is ", gamma.shape(), ", beta is ", beta.shape(),
                     "; expected equal shapes.");
  }
  const Shape flat = {gamma.size()};
  return reshape(
      apply_all(make_function<RowNormalization>(eps, true), {rows, reshape(gamma, flat), reshape(beta, flat)})[0],
      x.shape());
}

Variable rms_normalization(const Variable& x, const Variable& gamma, double eps) {
  if (is_mixed(x, gamma)) return cast(rms_normalization(cast(x, Dtype::kFloat32), gamma, eps), x.dtype());
  const Variable rows = as_rows("rms_normalization", x, gamma);
  return reshape(apply_all(make_function<RowNormalization>(eps, false), {rows, reshape(gamma, {gamma.size()})})[0],
                 x.shape());
}

Variable group_normalization(const Variable& x, std::int64_t groups, const Variable& gamma, const Variable& beta,
                             double eps) {
  const Variable g = over_channels("group_normalization", gamma, x), b = over_channels("group_normalization", beta, x);
  if (groups < 1 || x.shape()[1] % groups != 0) {
    throw ValueError("group_normalization: ", x.shape()[1], " channels of x ", x.shape(), " do not make ", groups,
                     " groups.");
  }
  const std::int64_t rows = x.shape()[0] * groups;
  const Variable flat = reshape(x, {rows, rows == 0 ? 1 : x.size() / rows});
  return cast(reshape(apply_all(make_function<RowNormalization>(eps, true), {flat})[0], x.shape()) * g + b, x.dtype());
}

Variable local_response_normalization(const Variable& x, std::int64_t n, double k, double alpha, double beta) {
  if (x.ndim() < 2) throw ShapeError("local_response_normalization: expected x (batch, C, …), found ", x.shape(), ".");
  if (n < 1) throw ValueError("local_response_normalization: n is ", n, ", expected at least 1.");
  if (is_half(x.dtype())) {  // squares may be beyond float16's range
    return cast(local_response_normalization(cast(x, Dtype::kFloat32), n, k, alpha, beta), x.dtype());
  }
  const std::int64_t half = n / 2, channels = x.shape()[1];
  std::vector<Padding> widths(static_cast<std::size_t>(x.ndim()));
  widths[1] = {half, half};
  const Variable squares = pad(square(x), widths);
  Variable around;
  for (std::int64_t i = 0; i < 2 * half + 1; ++i) {
    const Variable moved = slice(squares, 1, {.start = i, .stop = i + channels});
    around = around ? around + moved : moved;
  }
  return x * pow(around * alpha + k, -beta);
}

Variable normalize(const Variable& x, double eps, const Dims& axes) {
  if (is_half(x.dtype())) {  // the sum of the squares may be beyond float16's range
    return cast(normalize(cast(x, Dtype::kFloat32), eps, axes), x.dtype());
  }
  return x / (length_of(sum(square(x), axes, /*keepdims=*/true)) + eps);
}

}  // namespace rensa::functions
