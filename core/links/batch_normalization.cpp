#include "core/links/batch_normalization.h"

#include "core/autograd/config.h"
#include "core/functions/batch_normalization.h"

namespace rensa {

namespace {

/// What there is one of for each channel is few numbers, which 16 bits would spoil.
Dtype own_dtype(const BatchNormalizationLinkOptions& o) { return is_half(o.dtype) ? Dtype::kFloat32 : o.dtype; }

}  // namespace

BatchNormalization::BatchNormalization(const BatchNormalizationLinkOptions& o)
    : gamma({o.size}, init::ones(), own_dtype(o)),
      beta({o.size}, init::zeros(), own_dtype(o)),
      avg_mean(zeros({o.size}, own_dtype(o))),
      avg_var(ones({o.size}, own_dtype(o))),
      N(zeros({}, Dtype::kInt64)),
      options_(o) {
  add("gamma", gamma);
  add("beta", beta);
  add_persistent("avg_mean", avg_mean);
  add_persistent("avg_var", avg_var);
  add_persistent("N", N);
}

Variable BatchNormalization::apply(const Variable& x, bool relu, const Variable* residual) {
  const functions::BatchNormalizationOptions options{
      .eps = options_.eps, .decay = options_.decay, .relu = relu, .reducer = reducer_.get()};
  if (!config().train) {
    return functions::fixed_batch_normalization(x, gamma, beta, avg_mean, avg_var, options, residual);
  }
  if (x.shape()[0] > 0 || reducer_) ++*N.data<std::int64_t>();
  return functions::batch_normalization(x, gamma, beta, &avg_mean, &avg_var, options, residual);
}

std::unique_ptr<Link> BatchNormalization::do_clone() { return std::make_unique<BatchNormalization>(options_); }

void BatchNormalization::adopt_settings(const Link& other) {
  const auto* normalization = dynamic_cast<const BatchNormalization*>(&other);
  if (!normalization) return;
  options_.decay = normalization->options_.decay;
  reducer_ = normalization->reducer_;
}

}  // namespace rensa
