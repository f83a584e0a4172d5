// Batch normalizations that are compositions: renormalized and decorrelated.
#include <algorithm>
#include <cmath>
#include <vector>

#include "core/autograd/config.h"
#include "core/autograd/function.h"
#include "core/autograd/recomputing.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/constants.h"
#include "core/functions/linear_algebra.h"
#include "core/functions/math.h"
#include "core/functions/matmul.h"
#include "core/functions/normalization.h"
#include "core/functions/rearrangement.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"

namespace rensa::functions {
namespace {

void check_channels(const char* name, const Variable& x, std::initializer_list<Shape> per_channel) {
  if (x.ndim() < 2) throw ShapeError(name, ": expected x (batch, C, …), found ", x.shape(), ".");
  for (const Shape& shape : per_channel) {
    if (shape != Shape{x.shape()[1]}) {
      throw ShapeError(name, ": x is ", x.shape(), ", a number for each channel (axis 1) was expected; found ", shape,
                       ".");
    }
  }
}

Variable broad(const Variable& v, int ndim) {
  Shape shape = Shape::filled(ndim - 1, 1);
  shape[0] = v.size();
  return reshape(v, shape);
}

Dims all_but_channels(int ndim) {
  Dims axes = {0};
  for (int i = 2; i < ndim; ++i) axes.push_back(i);
  return axes;
}

/// What makes the variance of `count` values an estimate without bias.
double unbiased(double count) { return count / std::max(count - 1, 1.0); }

/// avg = decay avg + (1 - decay) correction now.
void move_towards(Array& avg, const Array& now, double decay, double correction = 1) {
  if (config().in_recomputing) return;
  const std::vector<double> values = to_vector<double>(now), before = to_vector<double>(avg);
  std::vector<double> after(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) after[i] = decay * before[i] + (1 - decay) * correction * values[i];
  avg.copy_from(array(after, now.shape()));
}

/// Ioffe's r and d for each channel, (2, C) in float64.
Array corrections_towards(const Array& avg_mean, const Array& avg_var, const Array& mean_of, const Array& deviation,
                          const BatchRenormalizationOptions& options) {
  const std::vector<double> m = to_vector<double>(mean_of), s = to_vector<double>(deviation);
  const std::vector<double> running_mean = to_vector<double>(avg_mean), running_var = to_vector<double>(avg_var);
  const auto channels = static_cast<std::int64_t>(m.size());
  Array corrections = empty({2, channels}, Dtype::kFloat64);
  double *r = corrections.data<double>(), *shift = r + channels;
  for (std::size_t c = 0; c < m.size(); ++c) {
    const double running = std::sqrt(running_var[c] + options.eps);
    r[c] = std::clamp(s[c] / running, 1 / options.rmax, options.rmax);
    shift[c] = std::clamp((m[c] - running_mean[c]) / running, -options.dmax, options.dmax);
  }
  return corrections;
}

/// The inverse square root Y of symmetric positive definite matrices A (batch, n, n). With S = A^½ and dS S + S dS =
/// dA, dY = -Y dS Y; so the gradient X of A solves S X + X S = -Y gY Y, a linear system in the n² elements of X.
struct InverseSqrt final : Function {
  const char* name() const override { return "inverse_sqrt"; }

  Array forward(const Array& a) override {
    const auto [w, v] = eigh(a);
    const Variable y = matmul(v * reshape(pow(Variable(w), -0.5), {a.shape()[0], 1, a.shape()[1]}), v, false, true);
    retain_output(y.array());
    return y.array();
  }
  Variables backward(const Variable& gy) override {
    const Variable Y = retained_output();
    const std::int64_t batch = Y.shape()[0], n = Y.shape()[1];
    const Variable S = inv(Y), symmetric = (gy + swapaxes(gy, 1, 2)) * 0.5;
    const Variable right = -matmul(matmul(Y, symmetric), Y);
    // S ⊗ I + I ⊗ S, row (i, j) and column (k, l).
    const Variable one = constant_like(Y, identity_matrix(n));
    const Variable left = reshape(S, {batch, n, 1, n, 1}) * reshape(one, {1, n, 1, n}) +
                          reshape(one, {n, 1, n, 1}) * reshape(S, {batch, 1, n, 1, n});
    return {reshape(solve(reshape(left, {batch, n * n, n * n}), reshape(right, {batch, n * n, 1})), {batch, n, n})};
  }

  static Array identity_matrix(std::int64_t n) {
    Array one = zeros({n, n}, Dtype::kFloat64);
    for (std::int64_t i = 0; i < n; ++i) one.data<double>()[i * n + i] = 1;
    return one;
  }
};

/// (batch, C, …) as (groups, C / groups, everything else).
Variable grouped(const Variable& x, std::int64_t groups) {
  const Variable channels_first = swapaxes(x, 0, 1);
  const std::int64_t n = x.shape()[1] / groups;
  return reshape(channels_first, {groups, n, n == 0 ? 0 : x.size() / (n * groups)});
}
Variable ungrouped(const Variable& y, const Shape& shape) {
  Shape channels_first = shape;
  std::swap(channels_first[0], channels_first[1]);
  return swapaxes(reshape(y, channels_first), 0, 1);
}

}  // namespace

Variable batch_renormalization(const Variable& x, const Variable& gamma, const Variable& beta, Array& avg_mean,
                               Array& avg_var, const BatchRenormalizationOptions& options) {
  check_channels("batch_renormalization", x, {gamma.shape(), beta.shape(), avg_mean.shape(), avg_var.shape()});
  if (is_half(x.dtype())) {  // squares may be beyond float16's range
    const auto wide = [](const Variable& v) { return cast(v, Dtype::kFloat32); };
    return cast(batch_renormalization(wide(x), wide(gamma), wide(beta), avg_mean, avg_var, options), x.dtype());
  }
  const Dims axes = all_but_channels(x.ndim());
  const Variable centre = mean(x, axes, /*keepdims=*/true), d = x - centre;
  const Variable var = mean(square(d), axes, true), deviation = sqrt(var + options.eps);
  const Array corrections = same_in_both_runs(
      [&] { return corrections_towards(avg_mean, avg_var, centre.array(), deviation.array(), options); });
  const auto correction = [&](std::int64_t row) {
    return broad(constant_like(x, corrections.select(0, row)), x.ndim());
  };
  const Variable y = (d / deviation * correction(0) + correction(1)) * broad(gamma, x.ndim()) + broad(beta, x.ndim());
  if (!options.update_statistics) return y;
  const double count = static_cast<double>(x.size()) / static_cast<double>(std::max<std::int64_t>(1, x.shape()[1]));
  move_towards(avg_mean, centre.array().reshape(avg_mean.shape()), options.decay);
  move_towards(avg_var, var.array().reshape(avg_var.shape()), options.decay, unbiased(count));
  return y;
}

Variable fixed_batch_renormalization(const Variable& x, const Variable& gamma, const Variable& beta,
                                     const Array& mean_of, const Array& var, double eps) {
  check_channels("fixed_batch_renormalization", x, {gamma.shape(), beta.shape(), mean_of.shape(), var.shape()});
  const auto constant = [&](const Array& v) { return broad(Variable(v.to(x.dtype())), x.ndim()); };
  return (x - constant(mean_of)) / sqrt(constant(var) + eps) * broad(gamma, x.ndim()) + broad(beta, x.ndim());
}

Variable decorrelated_batch_normalization(const Variable& x, Array& avg_mean, Array& avg_projection,
                                          const DecorrelatedBatchNormalizationOptions& options) {
  const char* name = "decorrelated_batch_normalization";
  check_channels(name, x, {});
  if (options.groups < 1 || x.shape()[1] % options.groups != 0) {
    throw ValueError(name, ": ", x.shape()[1], " channels of x ", x.shape(), " do not make ", options.groups,
                     " groups.");
  }
  if (is_half(x.dtype())) {  // sums of squares may be beyond float16's range
    return cast(decorrelated_batch_normalization(cast(x, Dtype::kFloat32), avg_mean, avg_projection, options),
                x.dtype());
  }
  const std::int64_t n = x.shape()[1] / options.groups;
  if (avg_mean.shape() != Shape{options.groups, n} || avg_projection.shape() != Shape{options.groups, n, n}) {
    throw ShapeError(name, ": the running mean is ", avg_mean.shape(), " and the projection ", avg_projection.shape(),
                     "; expected (", options.groups, ", ", n, ") and (", options.groups, ", ", n, ", ", n, ").");
  }
  const Variable rows = grouped(x, options.groups), centre = mean(rows, {2}, /*keepdims=*/true), d = rows - centre;
  const Variable covariance = matmul(d, d, false, true) / static_cast<double>(rows.shape()[2]);
  const Variable projection =
      apply<InverseSqrt>(covariance + constant_like(x, InverseSqrt::identity_matrix(n)) * options.eps);
  move_towards(avg_mean, centre.array().reshape(avg_mean.shape()), options.decay);
  move_towards(avg_projection, projection.array(), options.decay, unbiased(static_cast<double>(rows.shape()[2])));
  return ungrouped(matmul(projection, d), x.shape());
}

Variable fixed_decorrelated_batch_normalization(const Variable& x, const Array& mean_of, const Array& projection) {
  const char* name = "fixed_decorrelated_batch_normalization";
  check_channels(name, x, {});
  if (mean_of.ndim() != 2 || mean_of.size() != x.shape()[1] ||
      projection.shape() != Shape{mean_of.shape()[0], mean_of.shape()[1], mean_of.shape()[1]}) {
    throw ShapeError(name, ": x is ", x.shape(), ", the mean ", mean_of.shape(), ", the projection ",
                     projection.shape(), "; expected (groups, n) and (groups, n, n) with groups n channels.");
  }
  const std::int64_t groups = mean_of.shape()[0];
  const Variable d = grouped(x, groups) - Variable(mean_of.to(x.dtype()).reshape({groups, mean_of.shape()[1], 1}));
  return ungrouped(matmul(Variable(projection.to(x.dtype())), d), x.shape());
}

}  // namespace rensa::functions
