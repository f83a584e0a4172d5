#include "core/links/batch_normalization.h"

#include "core/autograd/config.h"
#include "core/functions/batch_normalization.h"

namespace rensa {

BatchNormalization::BatchNormalization(const BatchNormalizationLinkOptions& o)
    : gamma({o.size}, init::ones(), o.dtype),
      beta({o.size}, init::zeros(), o.dtype),
      avg_mean(zeros({o.size}, o.dtype)),
      avg_var(ones({o.size}, o.dtype)),
      N(zeros({}, Dtype::kInt64)),
      eps_(o.eps),
      decay_(o.decay) {
  add("gamma", gamma);
  add("beta", beta);
  add_persistent("avg_mean", avg_mean);
  add_persistent("avg_var", avg_var);
  add_persistent("N", N);
}

Variable BatchNormalization::apply(const Variable& x, bool relu, const Variable* residual) {
  const functions::BatchNormalizationOptions options{.eps = eps_, .decay = decay_, .relu = relu};
  if (!config().train) {
    return functions::fixed_batch_normalization(x, gamma, beta, avg_mean, avg_var, options, residual);
  }
  ++*N.data<std::int64_t>();
  return functions::batch_normalization(x, gamma, beta, &avg_mean, &avg_var, options, residual);
}

}  // namespace rensa
