#include "core/functions/losses.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/array/logic.h"
#include "core/error.h"
#include "core/functions/activation.h"
#include "core/functions/arithmetic.h"
#include "core/functions/constants.h"
#include "core/functions/indexing.h"
#include "core/functions/lengths.h"
#include "core/functions/math.h"
#include "core/functions/matmul.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "core/functions/softmax.h"

namespace rensa::functions {
namespace {

void check_equal(const char* name, const Shape& a, const Shape& b) {
  if (a != b) throw ShapeError(name, ": expected equal shapes, found ", a, " and ", b, ".");
}

void check_matrix(const char* name, const Variable& x) {
  if (x.ndim() != 2) throw ShapeError(name, ": expected (batch, n), found ", x.shape(), ".");
}

Variable reduced(const Variable& losses, LossReduce reduce) {
  return reduce == LossReduce::kMean ? mean(losses) : losses;
}

Variable reduced(const Variable& losses, SumReduce reduce) {
  return reduce == SumReduce::kSum ? sum(losses) : reduce == SumReduce::kMean ? mean(losses) : losses;
}

/// max(x, 0); its gradient at 0 is 0.
Variable positive_part(const Variable& x) { return relu(x); }

/// x without its mean over the batch.
Variable centred(const Variable& x) { return x - mean(x, {0}, /*keepdims=*/true); }

}  // namespace

Variable absolute_error(const Variable& x0, const Variable& x1) { return abs(x0 - x1); }
Variable squared_error(const Variable& x0, const Variable& x1) { return square(x0 - x1); }
Variable squared_difference(const Variable& x0, const Variable& x1) { return squared_error(x0, x1); }

Variable mean_absolute_error(const Variable& x0, const Variable& x1) {
  check_equal("mean_absolute_error", x0.shape(), x1.shape());
  return mean(abs(x0 - x1));
}
Variable mean_squared_error(const Variable& x0, const Variable& x1) {
  check_equal("mean_squared_error", x0.shape(), x1.shape());
  return mean(square(x0 - x1));
}

Variable huber_loss(const Variable& x, const Variable& t, double delta, HuberReduce reduce) {
  check_equal("huber_loss", x.shape(), t.shape());
  if (!(delta > 0)) throw ValueError("huber_loss: delta is ", delta, ", expected a number above 0.");
  // With c = clip(d): c²/2 where |d| <= delta, and delta (|d| - delta/2) = c d - c²/2 elsewhere; both are c d - c²/2.
  const Variable d = x - t, c = clip(d, -delta, delta);
  const Variable losses = c * d - square(c) * 0.5;
  if (reduce == HuberReduce::kNone) return losses;
  if (x.ndim() < 2)
    throw ShapeError("huber_loss: expected a second axis to sum along, found ", x.shape(), ". Use HuberReduce::kNone.");
  return sum(losses, {1});
}

Variable sigmoid_cross_entropy(const Variable& x, const Array& t, const SigmoidCrossEntropyOptions& options) {
  if (is_half(x.dtype())) {  // the sum may be beyond float16's range where the mean is not; so in others below
    return cast(sigmoid_cross_entropy(cast(x, Dtype::kFloat32), t, options), x.dtype());
  }
  check_equal("sigmoid_cross_entropy", x.shape(), t.shape());
  if (t.dtype() != Dtype::kInt32 && t.dtype() != Dtype::kInt64) {
    throw DtypeError("sigmoid_cross_entropy: labels are ", t.dtype(), ", expected int32 or int64.");
  }
  const std::vector<std::int64_t> labels = to_vector<std::int64_t>(t);
  for (const std::int64_t label : labels) {
    if (label >= -1 && label <= 1) continue;
    throw ValueError("sigmoid_cross_entropy: a label is ", label, ", expected 0, 1 or the ignored label -1.");
  }
  const Variable losses = where(not_equal(t, -1), softplus(x) - x * constant_like(x, t), constant_like(x, 0));
  if (options.reduce == LossReduce::kNone) return losses;
  const auto left_out = std::count(labels.begin(), labels.end(), -1);
  const std::int64_t count = options.normalize ? t.size() - left_out : t.ndim() == 0 ? 1 : t.shape()[0];
  return sum(losses) / static_cast<double>(std::max<std::int64_t>(count, 1));
}

Variable hinge(const Variable& x, const Array& t, HingeNorm norm, LossReduce reduce) {
  if (is_half(x.dtype())) return cast(hinge(cast(x, Dtype::kFloat32), t, norm, reduce), x.dtype());
  check_matrix("hinge", x);
  check_equal("hinge", Shape{x.shape()[0]}, t.shape());
  const Array signs = one_hot(t, x.shape()[1], x.dtype());  // -1 at the label, 1 elsewhere
  const Variable margins = positive_part(1 + x * (1 - 2 * constant_like(x, signs)));
  const Variable losses = norm == HingeNorm::kL1 ? margins : square(margins);
  if (reduce == LossReduce::kNone) return losses;
  return sum(losses) / static_cast<double>(std::max<std::int64_t>(x.shape()[0], 1));
}

Variable bernoulli_nll(const Variable& x, const Variable& y, SumReduce reduce) {
  check_equal("bernoulli_nll", x.shape(), y.shape());
  return reduced(softplus(y) - x * y, reduce);
}

Variable gaussian_nll(const Variable& x, const Variable& mean_of, const Variable& ln_var, SumReduce reduce) {
  check_equal("gaussian_nll", x.shape(), mean_of.shape());
  check_equal("gaussian_nll", x.shape(), ln_var.shape());
  return reduced((square(x - mean_of) * exp(-ln_var) + ln_var + std::log(2 * std::numbers::pi)) * 0.5, reduce);
}

Variable gaussian_kl_divergence(const Variable& mean_of, const Variable& ln_var, SumReduce reduce) {
  check_equal("gaussian_kl_divergence", mean_of.shape(), ln_var.shape());
  return reduced((square(mean_of) + exp(ln_var) - ln_var - 1) * 0.5, reduce);
}

Variable contrastive(const Variable& x0, const Variable& x1, const Array& y, double margin, LossReduce reduce) {
  check_matrix("contrastive", x0);
  check_equal("contrastive", x0.shape(), x1.shape());
  check_equal("contrastive", Shape{x0.shape()[0]}, y.shape());
  if (!(margin > 0)) throw ValueError("contrastive: margin is ", margin, ", expected a number above 0.");
  const Variable alike = constant_like(x0, y), d2 = sum(square(x0 - x1), {1});
  const Variable apart = square(positive_part(margin - length_of(d2)));
  return reduced((alike * d2 + (1 - alike) * apart) * 0.5, reduce);
}

Variable triplet(const Variable& anchor, const Variable& positive, const Variable& negative, double margin,
                 LossReduce reduce) {
  check_matrix("triplet", anchor);
  check_equal("triplet", anchor.shape(), positive.shape());
  check_equal("triplet", anchor.shape(), negative.shape());
  if (!(margin > 0)) throw ValueError("triplet: margin is ", margin, ", expected a number above 0.");
  const Variable near = sum(square(anchor - positive), {1}), far = sum(square(anchor - negative), {1});
  return reduced(positive_part(near - far + margin), reduce);
}

Variable cross_covariance(const Variable& y, const Variable& z) {
  if (const Dtype dtype = promote(y.dtype(), z.dtype()); is_half(dtype)) {
    return cast(cross_covariance(cast(y, Dtype::kFloat32), cast(z, Dtype::kFloat32)), dtype);
  }
  check_matrix("cross_covariance", y);
  check_matrix("cross_covariance", z);
  check_equal("cross_covariance", Shape{y.shape()[0]}, Shape{z.shape()[0]});
  const double batch = static_cast<double>(std::max<std::int64_t>(y.shape()[0], 1));
  return sum(square(matmul(centred(y), centred(z), /*transpose_a=*/true) / batch)) * 0.5;
}

Variable decov(const Variable& h) {
  if (is_half(h.dtype())) return cast(decov(cast(h, Dtype::kFloat32)), h.dtype());
  check_matrix("decov", h);
  const std::int64_t n = h.shape()[1];
  const double batch = static_cast<double>(std::max<std::int64_t>(h.shape()[0], 1));
  const Variable covariance = matmul(centred(h), centred(h), /*transpose_a=*/true) / batch;
  const Variable off_diagonal = 1 - constant_like(h, one_hot(arange(n), n));
  return sum(square(covariance * off_diagonal)) * 0.5;
}

Variable focal_loss(const Variable& x, const Array& t, double gamma, double alpha) {
  if (!(gamma >= 0)) throw ValueError("focal_loss: gamma is ", gamma, ", expected 0 or more.");
  const Variable log_p = select_item(log_softmax(x), t);
  const Variable factor = gamma == 0 ? constant_like(x, 1) : pow(1 - exp(log_p), gamma);
  return mean(factor * log_p) * -alpha;
}

Variables discriminative_margin_based_clustering_loss(const Variable& embeddings, const Array& labels, double delta_v,
                                                      double delta_d, std::int64_t max_embedding_dim, int norm,
                                                      double alpha, double beta, double gamma) {
  const char* name = "discriminative_margin_based_clustering_loss";
  if (embeddings.ndim() != 4 || labels.ndim() != 3 || labels.shape()[0] != embeddings.shape()[0] ||
      labels.shape()[1] != embeddings.shape()[2] || labels.shape()[2] != embeddings.shape()[3]) {
    throw ShapeError(name, ": expected embeddings (batch, dim, h, w) and labels (batch, h, w), found ",
                     embeddings.shape(), " and ", labels.shape(), ".");
  }
  if (norm != 1 && norm != 2) throw ValueError(name, ": norm is ", norm, ", expected 1 or 2.");
  const std::int64_t batch = embeddings.shape()[0], dim = embeddings.shape()[1];
  const double shrink = 1 / static_cast<double>(max_embedding_dim);
  const auto length = [&](const Variable& v, int axis) {  // of vectors along the axis
    return norm == 1 ? sum(abs(v), {axis}) : sqrt(sum(square(v), {axis}) + 1e-12);
  };
  Variable variance = constant_like(embeddings, 0), distance = variance, size = variance;
  for (std::int64_t i = 0; i < batch; ++i) {
    const Variable pixels = reshape(select(embeddings, 0, i), {dim, -1});
    const Array here = labels.select(0, i).contiguous().reshape({-1});
    std::vector<std::int64_t> objects = to_vector<std::int64_t>(here);
    std::sort(objects.begin(), objects.end());
    objects.erase(std::unique(objects.begin(), objects.end()), objects.end());
    std::erase(objects, 0);
    Variables means;
    for (const std::int64_t object : objects) {
      const Array mask = equal(here.to(Dtype::kInt64), static_cast<double>(object));
      const Variable own = take(pixels, nonzero(mask)[0], 1);
      const Variable centre = mean(own, {1}, /*keepdims=*/true);
      const Variable spread = mean(square(positive_part(length(own - centre, 0) * shrink - delta_v)));
      variance = variance + spread / static_cast<double>(objects.size());
      size = size + length(reshape(centre, {dim}), 0) * (shrink / static_cast<double>(objects.size()));
      means.push_back(centre);
    }
    const double pairs = static_cast<double>(objects.size()) * (static_cast<double>(objects.size()) - 1);
    for (std::size_t a = 0; a < means.size(); ++a) {
      for (std::size_t b = 0; b < means.size(); ++b) {
        if (a == b) continue;
        const Variable apart = length(reshape(means[a] - means[b], {dim}), 0) * shrink;
        distance = distance + square(positive_part(2 * delta_d - apart)) / pairs;
      }
    }
  }
  const double count = static_cast<double>(std::max<std::int64_t>(batch, 1));
  return {variance * (alpha / count), distance * (beta / count), size * (gamma / count)};
}

}  // namespace rensa::functions
