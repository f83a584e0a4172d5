#include "core/links/batch_normalization.h"

#include <algorithm>

#include "core/autograd/config.h"
#include "core/error.h"
#include "core/functions/batch_normalization.h"

namespace rensa {

namespace {

/// What there is one of for each channel is few numbers, which 16 bits would spoil.
Dtype own_dtype(const BatchNormalizationLinkOptions& o) { return is_half(o.dtype) ? Dtype::kFloat32 : o.dtype; }

const std::vector<std::int64_t> kAllButChannels = {0, 2, 3};  // of pictures

}  // namespace

BatchNormalization::BatchNormalization(const BatchNormalizationLinkOptions& o)
    : gamma(o.initial_gamma, own_dtype(o)),
      beta(o.initial_beta, own_dtype(o)),
      N(zeros({}, Dtype::kInt64)),
      options_(o) {
  if (o.size != kLazySize) initialize({o.size}, Device{});
  if (o.use_gamma) add("gamma", gamma);
  if (o.use_beta) add("beta", beta);
  add_persistent("avg_mean", avg_mean);
  add_persistent("avg_var", avg_var);
  add_persistent("N", N);
}

void BatchNormalization::initialize(const Shape& shape, Device device) {
  if (!avg_mean) avg_mean = zeros(shape, own_dtype(options_), device);
  if (!avg_var) avg_var = ones(shape, own_dtype(options_), device);
  if (options_.use_gamma && !gamma.is_initialized()) gamma.initialize(shape);
  if (options_.use_beta && !beta.is_initialized()) beta.initialize(shape);
}

/// A size that was left to the first batch, or to a file, which knows neither dtype nor device.
void BatchNormalization::take_size(const Variable& x) {
  if (x.ndim() < 2) throw ShapeError("BatchNormalization: expected x (batch, channels, …), found ", x.shape(), ".");
  Shape shape;
  for (std::int64_t i = 0; i < x.ndim(); ++i) {
    const auto& axis = options_.axis;
    const bool is_kept = axis.empty() ? i == 1 : std::find(axis.begin(), axis.end(), i) == axis.end();
    if (is_kept) shape.push_back(x.shape()[static_cast<int>(i)]);
  }
  initialize(shape, x.device());
  for (Array* statistics : {&avg_mean, &avg_var}) {  // threads that only infer may share a link: no needless write
    const bool fits = statistics->dtype() == own_dtype(options_) && statistics->device() == x.device();
    if (!fits) *statistics = statistics->to(own_dtype(options_)).to(x.device());
  }
}

void BatchNormalization::start_finetuning() {
  finetuning_ = true;
  *N.data<std::int64_t>() = 0;
}

double BatchNormalization::next_decay() {
  const std::int64_t seen = *N.data<std::int64_t>();
  return finetuning_ && seen > 0 ? 1 - 1 / static_cast<double>(seen) : options_.decay;
}

Array BatchNormalization::gamma_values() const {
  return options_.use_gamma ? gamma.array() : ones(avg_mean.shape(), avg_mean.dtype(), avg_mean.device());
}
Array BatchNormalization::beta_values() const {
  return options_.use_beta ? beta.array() : zeros(avg_mean.shape(), avg_mean.dtype(), avg_mean.device());
}

bool BatchNormalization::is_of_channels() const {
  return avg_mean && avg_mean.ndim() == 1 && (options_.axis.empty() || options_.axis == kAllButChannels);
}

Variable BatchNormalization::apply(const Variable& x, bool relu, const Variable* residual) {
  if (options_.size == kLazySize) take_size(x);
  const Variable scale = options_.use_gamma ? Variable(gamma) : Variable(gamma_values());
  const Variable shift = options_.use_beta ? Variable(beta) : Variable(beta_values());
  functions::BatchNormalizationOptions options{
      .eps = options_.eps, .decay = options_.decay, .relu = relu, .reducer = reducer_.get(), .axis = options_.axis};
  if (!config().train) {
    return functions::fixed_batch_normalization(x, scale, shift, avg_mean, avg_var, options, residual);
  }
  if ((x.shape()[0] > 0 || reducer_) && !config().in_recomputing) ++*N.data<std::int64_t>();
  options.decay = next_decay();
  return functions::batch_normalization(x, scale, shift, &avg_mean, &avg_var, options, residual);
}

std::unique_ptr<Link> BatchNormalization::do_clone() { return std::make_unique<BatchNormalization>(options_); }

void BatchNormalization::adopt_settings(const Link& other) {
  const auto* normalization = dynamic_cast<const BatchNormalization*>(&other);
  if (!normalization) return;
  options_.decay = normalization->options_.decay;
  finetuning_ = normalization->finetuning_;
  reducer_ = normalization->reducer_;
}

}  // namespace rensa
