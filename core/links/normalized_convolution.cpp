#include "core/links/normalized_convolution.h"

#include "core/autograd/inference_mode.h"
#include "core/functions/activation.h"
#include "core/functions/arithmetic.h"
#include "core/functions/batch_normalization.h"
#include "core/functions/convolution.h"

namespace rensa {
namespace {

/// {W, b} of the convolution that does both: W scale, b scale + shift.
std::vector<Array> folded(const Convolution2D& convolution, const BatchNormalization& normalization) {
  const Array& W = convolution.W.array();
  const auto here = [&](const Array& values) { return values.to(W.device()); };  // those of a file are on the host
  const functions::ChannelAffine a = functions::fixed_batch_normalization_affine(
      here(normalization.gamma_values()), here(normalization.beta_values()), here(normalization.avg_mean),
      here(normalization.avg_var), normalization.eps());
  const NoBackpropMode scope;
  const Variable scaled = Variable(W.to(Dtype::kFloat64)) * Variable(a.scale.reshape({a.scale.size(), 1, 1, 1}));
  Variable b = a.shift;
  if (convolution.bias) b = b + Variable(convolution.b.array().to(Dtype::kFloat64)) * Variable(a.scale);
  return {scaled.array().to(W.dtype()), b.array().to(W.dtype())};
}

Variable infer(const Convolution2D& convolution, const BatchNormalization& normalization, const Variable& x,
               const AfterNormalization& after) {
  const std::vector<Array> W_and_b = InferenceMode::derived({convolution.W.array(), normalization.avg_mean},
                                                            [&] { return folded(convolution, normalization); });
  const Variable b = W_and_b[1];
  return functions::fused_convolution_2d(x, W_and_b[0], &b, convolution.window, after.residual, after.relu);
}

}  // namespace

Variable normalized_convolution(Convolution2D& convolution, BatchNormalization& normalization, const Variable& x,
                                const AfterNormalization& after) {
  const bool sizes_are_known = convolution.W.is_initialized() && normalization.is_of_channels();
  const bool is_of_one_dtype = !after.residual || after.residual->dtype() == x.dtype();
  const bool can_be_folded =
      sizes_are_known && is_of_one_dtype && convolution.hooks().empty() && normalization.hooks().empty();
  if (can_be_folded && InferenceMode::is_active()) return infer(convolution, normalization, x, after);
  const Variable y = convolution(x);
  if (after.relu) return normalization.with_relu(y, after.residual);
  return after.residual ? normalization(y) + *after.residual : normalization(y);
}

}  // namespace rensa
