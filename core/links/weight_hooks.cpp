#include "core/links/weight_hooks.h"

#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "core/array/logic.h"
#include "core/autograd/config.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/indexing.h"
#include "core/functions/linear_algebra.h"
#include "core/functions/math.h"
#include "core/functions/matmul.h"
#include "core/functions/rearrangement.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "core/links/convolution_nd.h"

namespace rensa {

SpectralNormalization::SpectralNormalization(SpectralNormalizationOptions options)
    : WeightHook(options.weight_name), options_(std::move(options)) {
  if (options_.n_power_iteration < 1) {
    throw ValueError("SpectralNormalization: n_power_iteration is ", options_.n_power_iteration,
                     "; expected at least 1.");
  }
}

void SpectralNormalization::added(Link& link) {
  WeightHook::added(link);
  outputs_are_second_ = dynamic_cast<DeconvolutionNd*>(&link) != nullptr;
  if (options_.use_gamma) gamma_ = std::make_unique<Parameter>(init::ones());
  try {
    give(link, weight_name() + "_u", u_);
    if (gamma_) give(link, "gamma", *gamma_);
    if (weight().is_initialized()) prepare(weight());
  } catch (...) {
    removed(link);
    throw;
  }
}

void SpectralNormalization::removed(Link& link) {
  take_back(link, u_);
  if (gamma_) take_back(link, *gamma_);
  gamma_.reset();
  u_ = Array();
  WeightHook::removed(link);
}

Variable SpectralNormalization::as_matrix(const Variable& W) const {
  if (!outputs_are_second_) return functions::reshape(W, {W.shape()[0], -1});
  return functions::reshape(functions::swapaxes(W, 0, 1), {W.shape()[1], -1});
}

void SpectralNormalization::prepare(const Parameter& W) {
  const std::int64_t outputs = W.shape()[outputs_are_second_ ? 1 : 0];
  if (outputs == 0) throw ValueError("SpectralNormalization: ", weight_name(), " ", W.shape(), " has no outputs.");
  const Parameter drawn({outputs}, init::normal(1), W.dtype());
  u_ = drawn.array().to(W.device());
  if (!gamma_ || gamma_->is_initialized()) return;
  const NoBackpropMode scope;
  const Array matrix = as_matrix(W).array().to(Device{}).to(Dtype::kFloat64);
  const auto largest = functions::svd(matrix).s.select(0, 0).item<double>();
  gamma_->initialize({});
  gamma_->set_array(full({}, largest, W.dtype()).to(W.device()));
}

void SpectralNormalization::iterate(const Array& matrix) {
  const NoBackpropMode scope;
  const auto normalized = [this](const Variable& x) {
    return x / (functions::sqrt(functions::sum(functions::square(x))) + options_.eps);
  };
  Variable u = u_.to(matrix.dtype()).reshape({1, u_.size()}), v;  // a snapshot may have given it another dtype
  for (int i = 0; i < options_.n_power_iteration; ++i) {
    v = normalized(functions::matmul(u, matrix));
    u = normalized(functions::matmul(v, matrix, false, /*transpose_b=*/true));
  }
  u_now_ = u.array();
  v_now_ = v.array();
  if (config().train) u_.copy_from(u_now_.reshape({u_.size()}));
}

Variable SpectralNormalization::value_of(Link&, Parameter& W) {
  if (!u_) prepare(W);
  const Variable matrix = as_matrix(W);
  if (!config().in_recomputing) iterate(matrix.array());
  Variable sigma =
      functions::reshape(functions::matmul(functions::matmul(u_now_, matrix), v_now_, false, /*transpose_b=*/true), {});
  if (options_.factor) sigma = sigma / *options_.factor;
  return gamma_ ? *gamma_ * W / sigma : W / sigma;
}

Variable WeightStandardization::value_of(Link&, Parameter& W) {
  std::vector<std::int64_t> but_the_first(static_cast<std::size_t>(W.ndim() - 1));
  std::iota(but_the_first.begin(), but_the_first.end(), 1);
  const Dims others{std::span<const std::int64_t>(but_the_first)};
  const Variable centred = W - functions::mean(W, others, /*keepdims=*/true);
  const Variable variance = functions::mean(functions::square(centred), others, /*keepdims=*/true);
  // the root has no derivative at 0: equal weights stay 0 without one
  const Array varies = greater(variance.array(), 0);
  const Variable deviation =
      functions::where(varies, functions::sqrt(functions::where(varies, variance, ones_like(variance.array()))),
                       zeros_like(variance.array()));
  return centred / (deviation + options_.eps);
}

}  // namespace rensa
