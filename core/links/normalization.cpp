#include "core/links/normalization.h"

#include "core/autograd/config.h"
#include "core/error.h"

namespace rensa {
namespace {

void initialize(Parameter& parameter, std::int64_t size) {
  if (!parameter.is_initialized()) parameter.initialize({size});
}

/// One more batch seen; one that forget() computes again was counted before.
void count(const Array& N) {
  if (!config().in_recomputing) ++*N.data<std::int64_t>();
}

}  // namespace

LayerNormalization::LayerNormalization(const LayerNormalizationOptions& o)
    : gamma(o.initial_gamma, o.dtype), beta(o.initial_beta, o.dtype), options_(o) {
  if (o.size != kLazySize) {
    initialize(gamma, o.size);
    initialize(beta, o.size);
  }
  add("gamma", gamma);
  add("beta", beta);
}
Variable LayerNormalization::forward(const Variable& x) {
  initialize(gamma, x.shape().back());
  initialize(beta, x.shape().back());
  return functions::layer_normalization(x, gamma, beta, options_.eps);
}

RmsNormalization::RmsNormalization(const LayerNormalizationOptions& o) : gamma(o.initial_gamma, o.dtype), options_(o) {
  if (o.size != kLazySize) initialize(gamma, o.size);
  add("gamma", gamma);
}
Variable RmsNormalization::forward(const Variable& x) {
  initialize(gamma, x.shape().back());
  return functions::rms_normalization(x, gamma, options_.eps);
}

GroupNormalization::GroupNormalization(const GroupNormalizationOptions& o)
    : gamma(o.initial_gamma, o.dtype), beta(o.initial_beta, o.dtype), options_(o) {
  if (o.size != kLazySize) {
    initialize(gamma, o.size);
    initialize(beta, o.size);
  }
  add("gamma", gamma);
  add("beta", beta);
}
Variable GroupNormalization::forward(const Variable& x) {
  if (x.ndim() < 2) throw ShapeError("GroupNormalization: expected x (batch, channels, …), found ", x.shape(), ".");
  initialize(gamma, x.shape()[1]);
  initialize(beta, x.shape()[1]);
  return functions::group_normalization(x, options_.groups, gamma, beta, options_.eps);
}

BatchRenormalization::BatchRenormalization(const BatchRenormalizationLinkOptions& o)
    : gamma({o.size}, init::ones(), o.dtype),
      beta({o.size}, init::zeros(), o.dtype),
      avg_mean(zeros({o.size}, o.dtype)),
      avg_var(ones({o.size}, o.dtype)),
      N(zeros({}, Dtype::kInt64)),
      options_(o) {
  add("gamma", gamma);
  add("beta", beta);
  add_persistent("avg_mean", avg_mean);
  add_persistent("avg_var", avg_var);
  add_persistent("N", N);
}
Variable BatchRenormalization::forward(const Variable& x) {
  functions::BatchRenormalizationOptions o = options_.normalization;
  if (!config().train) return functions::fixed_batch_renormalization(x, gamma, beta, avg_mean, avg_var, o.eps);
  o.update_statistics = true;
  count(N);
  return functions::batch_renormalization(x, gamma, beta, avg_mean, avg_var, o);
}

DecorrelatedBatchNormalization::DecorrelatedBatchNormalization(const DecorrelatedBatchNormalizationLinkOptions& o)
    : N(zeros({}, Dtype::kInt64)), options_(o) {
  const std::int64_t groups = o.normalization.groups;
  if (groups < 1 || o.size % groups != 0) {
    throw ValueError("DecorrelatedBatchNormalization: ", groups, " groups do not divide ", o.size, " channels.");
  }
  const std::int64_t width = o.size / groups;
  avg_mean = zeros({groups, width}, o.dtype);
  avg_projection = zeros({groups, width, width}, o.dtype);
  for (std::int64_t i = 0; i < width; ++i) avg_projection.select(1, i).select(1, i).fill(1);
  add_persistent("avg_mean", avg_mean);
  add_persistent("avg_projection", avg_projection);
  add_persistent("N", N);
}
Variable DecorrelatedBatchNormalization::forward(const Variable& x) {
  if (!config().train) return functions::fixed_decorrelated_batch_normalization(x, avg_mean, avg_projection);
  count(N);
  return functions::decorrelated_batch_normalization(x, avg_mean, avg_projection, options_.normalization);
}

}  // namespace rensa
