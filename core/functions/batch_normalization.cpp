#include "core/functions/batch_normalization.h"

#include <algorithm>
#include <utility>

#include "core/autograd/config.h"
#include "core/autograd/function.h"
#include "core/error.h"
#include "core/functions/activation.h"
#include "core/functions/arithmetic.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "core/kernels/activation.h"
#include "core/kernels/batch_normalization.h"

namespace rensa::functions {
namespace {

using kernels::NormalizedBatch;
using kernels::ReluMask;

/// One number a channel as (C) or (C, 1, 1), so that it broadcasts over x.
Variable over_channels(const Variable& v, int ndim) { return ndim == 2 ? v : reshape(v, {v.size(), 1, 1}); }

Dims all_but_channels(int ndim) { return ndim == 2 ? Dims{0} : Dims{0, 2, 3}; }

std::int64_t values_a_channel(const Shape& x) { return x[1] == 0 ? 0 : total_size(x) / x[1]; }

/// The sum over the processes, whose adjoint is itself.
struct SumOverProcesses final : Function {
  StatisticsReducer& reducer;
  explicit SumOverProcesses(StatisticsReducer& r) : reducer(r) {}
  const char* name() const override { return "batch_normalization_sum_over_processes"; }

  Array forward(const Array& x) override {
    Array total = x.copy();
    reducer.sum(total);
    return total;
  }
  Variables backward(const Variable& gy) override { return {apply(make_function<SumOverProcesses>(reducer), gy)}; }
};

/// Inputs x, gamma, beta and, if there is one, the residual.
struct BatchNormalization final : Function {
  const BatchNormalizationOptions options;
  NormalizedBatch batch;  ///< what the gradient needs, without x and y, which are retained
  Array mean, var;
  std::int64_t count = 0;  ///< values a channel, of all processes
  explicit BatchNormalization(const BatchNormalizationOptions& o) : options(o) {}
  const char* name() const override { return "batch_normalization"; }

  Arrays forward(const Arrays& inputs) override {
    const Array& x = inputs[0];
    const bool has_residual = inputs.size() == 4;
    take_statistics(x);
    batch.mean = mean;
    batch.count = static_cast<double>(count);
    const kernels::FoldedStatistics folded = kernels::fold_statistics(inputs[1], inputs[2], mean, var, options.eps);
    batch.inv_std = folded.inv_std;
    batch.scale = folded.scale;
    batch.shift = folded.shift;
    batch.mask = !options.relu ? ReluMask::kNone : has_residual ? ReluMask::kFromOutput : ReluMask::kFromInput;
    Array y = kernels::scale_and_shift(x, batch.scale, batch.shift, has_residual ? inputs[3] : Array(), options.relu);
    retain_inputs(0, 1);
    if (options.relu && (has_residual || config().enable_backprop)) retain_output(y);
    return {y};
  }

  Variables backward(const Variable& gy) override {
    return config().enable_backprop ? differentiable_gradients(gy) : gradients(gy);
  }

  void release_saved() override { batch = {}; }

 private:
  void take_statistics(const Array& x) {
    count = values_a_channel(x.shape());
    if (count > 0) {
      const auto statistics = kernels::batch_statistics(x);
      mean = statistics[0];
      var = statistics[1];
    } else {
      mean = zeros({x.shape()[1]}, Dtype::kFloat64, x.device());
      var = zeros({x.shape()[1]}, Dtype::kFloat64, x.device());
    }
    const char* of_all = "";
    if (options.reducer) {
      count = options.reducer->merge(mean, var, count);
      of_all = " and its parts on other processes";
    } else if (count == 0) {
      return;
    }
    if (count < 2) {
      throw ValueError("batch_normalization: ", count, " value a channel in ", x.shape(), of_all,
                       ", expected at least 2 to have a variance. Use a larger batch, or fixed_batch_normalization.");
    }
  }

  /// {sum(gy), sum(gy xhat)} over all processes.
  std::array<Array, 2> over_processes(const Array& gbeta, const Array& ggamma) const {
    if (!options.reducer) return {gbeta, ggamma};
    const Array both = empty({2, gbeta.size()}, Dtype::kFloat64, gbeta.device());
    both.select(0, 0).copy_from(gbeta);
    both.select(0, 1).copy_from(ggamma);
    options.reducer->sum(both);
    return {both.select(0, 0), both.select(0, 1)};
  }
  Variable over_processes(const Variable& x) const {
    return options.reducer ? apply(make_function<SumOverProcesses>(*options.reducer), x) : x;
  }

  /// Two fused passes.
  Variables gradients(const Variable& gy) {
    NormalizedBatch b = batch;
    b.x = retained_input(0).array();
    if (b.mask == ReluMask::kFromOutput) b.y = retained_output().array();
    const auto [gbeta, ggamma, passed] = kernels::batch_normalization_sums(gy.array(), b);
    const auto [all_gbeta, all_ggamma] = over_processes(gbeta, ggamma);
    const Variable residual_gradient = passed ? Variable(passed) : gy;
    const Array gx = kernels::batch_normalization_grad(residual_gradient.array(), b, all_gbeta, all_ggamma);
    const Dtype own = retained_input(1).dtype();  // gamma's and beta's, which x's need not be
    Variables result = {Variable(gx), Variable(ggamma.to(own)), Variable(gbeta.to(own))};
    if (inputs() == 4) result.push_back(residual_gradient);
    return result;
  }

  /// The same over variables, for gradients of gradients.
  Variables differentiable_gradients(const Variable& gy_behind_relu) {
    const Variable gamma = retained_input(1), x = cast(retained_input(0), gamma.dtype());
    const Dims axes = all_but_channels(x.ndim());
    const auto n = static_cast<double>(count);
    const Variable passed = options.relu ? gy_behind_relu * positive(retained_output().array()) : gy_behind_relu;
    const Variable gy = cast(passed, gamma.dtype());
    const Variable centred = x - over_processes(sum(x, axes, /*keepdims=*/true)) / n;
    const Variable inv_std = pow(over_processes(sum(centred * centred, axes, true)) / n + options.eps, -0.5);
    const Variable xhat = centred * inv_std;
    const Variable gbeta = sum(gy, axes, true), ggamma = sum(gy * xhat, axes, true);
    const Variable all_gbeta = over_processes(gbeta), all_ggamma = over_processes(ggamma);
    const Variable gx = over_channels(gamma, x.ndim()) * inv_std * (gy - (all_gbeta + xhat * all_ggamma) / n);
    Variables result = {cast(gx, passed.dtype()), reshape(ggamma, gamma.shape()), reshape(gbeta, gamma.shape())};
    if (inputs() == 4) result.push_back(passed);
    return result;
  }

  /// 1 where relu let the value through.
  static Variable positive(const Array& y) { return Variable(kernels::relu_grad(y, ones_like(y))); }
};

void check_channels(const Shape& x, const Shape& channels, const Shape& gamma, const Shape& beta) {
  if (gamma == channels && beta == channels) return;
  throw ShapeError("batch_normalization: x is ", x, ", so gamma and beta should be ", channels, "; found ", gamma,
                   " and ", beta, ".");
}

void check_residual(const Variable& x, const Variable* residual) {
  if (!residual || residual->shape() == x.shape()) return;
  throw ShapeError("batch_normalization: the residual is ", residual->shape(), ", expected x's shape ", x.shape(), ".");
}

void check(const Variable& x, const Variable& gamma, const Variable& beta, const Variable* residual) {
  if (x.ndim() != 2 && x.ndim() != 4) {
    throw ShapeError("batch_normalization: expected x (N, C, …), found ", x.shape(), ".");
  }
  check_channels(x.shape(), {x.shape()[1]}, gamma.shape(), beta.shape());
  check_residual(x, residual);
  const bool mixed = is_half(x.dtype()) && gamma.dtype() == Dtype::kFloat32;
  if ((gamma.dtype() != x.dtype() && !mixed) || beta.dtype() != gamma.dtype() ||
      (residual && residual->dtype() != x.dtype())) {
    throw DtypeError("batch_normalization: x is ", x.dtype(), ", gamma is ", gamma.dtype(), ", beta is ", beta.dtype(),
                     ". Expected one dtype, or float32 for gamma and beta of a 16-bit x. Convert x with "
                     "cast(x, dtype), or build the link with that dtype.");
  }
}

/// avg = decay avg + (1 - decay) now.
void move_towards(Array* avg, const Array& now, double decay, double correction) {
  if (!avg || config().in_recomputing) return;
  kernels::move_average(*avg, now, decay, correction);
  avg->buffer()->note_write();
}

/// Other numbers of axes than two and four: (N, C, …) as (N, C, all but the last, last).
bool is_reshaped(const Variable& x) { return x.ndim() == 3 || x.ndim() > 4; }
Variable as_pictures(const Variable& x) {
  const Shape& shape = x.shape();
  std::int64_t rows = 1;
  for (int axis = 2; axis < x.ndim() - 1; ++axis) rows *= shape[axis];
  return reshape(x, {shape[0], shape[1], rows, shape.back()});
}

/// x as (N, C, …), its channels being several axes or another one than axis 1.
class Arrangement {
 public:
  Arrangement(const Shape& x, const Shape& gamma, const Shape& beta, const std::vector<std::int64_t>& axis)
      : before_(x) {
    std::vector<bool> reduced(static_cast<std::size_t>(x.ndim()), axis.empty());
    for (int i = 0; axis.empty() && i < gamma.ndim(); ++i) reduced[static_cast<std::size_t>(i) + 1] = false;
    int last = -1;
    for (const std::int64_t given : axis) {
      const int at = normalize_axis(given, x.ndim(), "batch_normalization");
      if (at <= last) {
        throw ValueError("batch_normalization: axis ", at, " follows axis ", last, ", expected them to ascend.");
      }
      reduced[static_cast<std::size_t>(at)] = true;
      last = at;
    }
    const int first = static_cast<int>(std::find(reduced.begin(), reduced.end(), true) - reduced.begin());
    order_.push_back(first);
    Shape channels;
    for (int i = 0; i < x.ndim(); ++i) {
      if (reduced[static_cast<std::size_t>(i)]) continue;
      order_.push_back(i);
      channels.push_back(x[i]);
    }
    flat_ = {x[first], total_size(channels)};
    for (int i = 0; i < x.ndim(); ++i) {
      if (!reduced[static_cast<std::size_t>(i)] || i == first) continue;
      order_.push_back(i);
      flat_.push_back(x[i]);
    }
    check_channels(x, channels, gamma, beta);
  }

  Variable arranged(const Variable& x) const { return reshape(transpose(x, order_), flat_); }
  Variable back(const Variable& y) const {
    Shape turned = before_;
    Dims places = order_;
    for (int i = 0; i < order_.ndim(); ++i) {
      turned[i] = before_[static_cast<int>(order_[i])];
      places[static_cast<int>(order_[i])] = i;
    }
    return transpose(reshape(y, turned), places);
  }

 private:
  Shape before_, flat_;
  Dims order_;  ///< of x's axes: one that is reduced, the channels', the others
};

/// Whether the channels are not simply axis 1 of x.
bool is_arranged(const Variable& x, const Variable& gamma, const BatchNormalizationOptions& options) {
  return !options.axis.empty() || (gamma.ndim() > 1 && gamma.ndim() < x.ndim());
}

void check_statistic(const Array& statistic, const Variable& gamma) {
  if (statistic.shape() == gamma.shape()) return;
  throw ShapeError("batch_normalization: mean or variance are ", statistic.shape(), ", gamma is ", gamma.shape(),
                   "; expected equal shapes.");
}

Array flat(const Array& statistic) { return statistic.reshape({statistic.size()}); }

/// `call(x, gamma, beta, options, residual)` on x as (N, C, …).
template <class Call>
Variable with_arranged(const Variable& x, const Variable& gamma, const Variable& beta,
                       const BatchNormalizationOptions& options, const Variable* residual, const Call& call) {
  const Arrangement arrangement(x.shape(), gamma.shape(), beta.shape(), options.axis);
  check_residual(x, residual);
  BatchNormalizationOptions plain = options;
  plain.axis.clear();
  const Variable added = residual ? arrangement.arranged(*residual) : Variable();
  return arrangement.back(call(arrangement.arranged(x), reshape(gamma, {gamma.size()}), reshape(beta, {beta.size()}),
                               plain, residual ? &added : nullptr));
}

}  // namespace

Variable batch_normalization(const Variable& x, const Variable& gamma, const Variable& beta, Array* avg_mean,
                             Array* avg_var, const BatchNormalizationOptions& options, const Variable* residual) {
  if (avg_mean) check_statistic(*avg_mean, gamma);
  if (avg_var) check_statistic(*avg_var, gamma);
  if (is_arranged(x, gamma, options)) {
    // A view where the elements lie in a row, else a copy that goes back.
    Array mean = avg_mean ? flat(*avg_mean) : Array(), var = avg_var ? flat(*avg_var) : Array();
    const auto call = [&](const Variable& v, const Variable& g, const Variable& b, const BatchNormalizationOptions& o,
                          const Variable* r) {
      return batch_normalization(v, g, b, avg_mean ? &mean : nullptr, avg_var ? &var : nullptr, o, r);
    };
    const Variable y = with_arranged(x, gamma, beta, options, residual, call);
    for (const auto& [to, from] : {std::pair(avg_mean, mean), std::pair(avg_var, var)}) {
      if (to && to->raw_data() != from.raw_data()) to->copy_from(from.reshape(to->shape()));
    }
    return y;
  }
  if (is_reshaped(x)) {
    const Variable added = residual ? as_pictures(*residual) : Variable();
    return reshape(
        batch_normalization(as_pictures(x), gamma, beta, avg_mean, avg_var, options, residual ? &added : nullptr),
        x.shape());
  }
  check(x, gamma, beta, residual);
  const auto function = make_function<BatchNormalization>(options);
  Variables inputs = {x, gamma, beta};
  if (residual) inputs.push_back(*residual);
  const Variable y = apply_all(function, inputs)[0];
  const auto& done = static_cast<const BatchNormalization&>(*function);
  if (done.count == 0) return y;
  move_towards(avg_mean, done.mean, options.decay, 1);
  move_towards(avg_var, done.var, options.decay, static_cast<double>(done.count) / static_cast<double>(done.count - 1));
  return y;
}

Variable fixed_batch_normalization(const Variable& x, const Variable& gamma, const Variable& beta, const Array& mean,
                                   const Array& var, const BatchNormalizationOptions& options,
                                   const Variable* residual) {
  check_statistic(mean, gamma);
  check_statistic(var, gamma);
  if (is_arranged(x, gamma, options)) {
    const auto call = [&](const Variable& v, const Variable& g, const Variable& b, const BatchNormalizationOptions& o,
                          const Variable* r) {
      return fixed_batch_normalization(v, g, b, flat(mean), flat(var), o, r);
    };
    return with_arranged(x, gamma, beta, options, residual, call);
  }
  if (is_reshaped(x)) {
    const Variable added = residual ? as_pictures(*residual) : Variable();
    return reshape(
        fixed_batch_normalization(as_pictures(x), gamma, beta, mean, var, options, residual ? &added : nullptr),
        x.shape());
  }
  check(x, gamma, beta, residual);
  if (!config().enable_backprop) {
    const ChannelAffine a = fixed_batch_normalization_affine(gamma.array(), beta.array(), mean, var, options.eps);
    return kernels::scale_and_shift(x.array(), a.scale, a.shift, residual ? residual->array() : Array(), options.relu);
  }
  const Variable scale =
      gamma *
      Variable(kernels::fold_statistics(gamma.array(), beta.array(), mean, var, options.eps).inv_std.to(gamma.dtype()));
  const Variable shift = beta - Variable(mean.to(gamma.dtype())) * scale;
  Variable y = cast(x * over_channels(scale, x.ndim()) + over_channels(shift, x.ndim()), x.dtype());
  if (residual) y = y + *residual;
  return options.relu ? relu(y) : y;
}

ChannelAffine fixed_batch_normalization_affine(const Array& gamma, const Array& beta, const Array& mean,
                                               const Array& var, double eps) {
  const kernels::FoldedStatistics folded = kernels::fold_statistics(gamma, beta, mean, var, eps);
  return {folded.scale, folded.shift};
}

}  // namespace rensa::functions
