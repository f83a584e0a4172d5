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

Variable reduced(const Variable& covariance, CovarianceReduce reduce) {
  return reduce == CovarianceReduce::kHalfSquaredSum ? sum(square(covariance)) * 0.5 : covariance;
}

/// max(x, 0); its gradient at 0 is 0.
Variable positive_part(const Variable& x) { return relu(x); }

/// x without its mean over the batch.
Variable centred(const Variable& x) { return x - mean(x, {0}, /*keepdims=*/true); }

/// The pixels of the objects 1 … n in labels (batch, h, w), as float64.
struct Objects {
  Array member;  ///< (batch, n, h w): 1 where the pixel is the object's
  Array share;   ///< (batch, n, h w): 1 / the object's pixels in the picture there, so that a product makes means
  Array weight;  ///< (batch, h w): 1 / (n × the object's pixels in the batch), 0 for the ground

  Objects(const Array& labels, std::int64_t n)
      : member(zeros({labels.shape()[0], n, labels.shape()[1] * labels.shape()[2]}, Dtype::kFloat64)),
        share(zeros_like(member)),
        weight(zeros({member.shape()[0], member.shape()[2]}, Dtype::kFloat64)) {
    const std::vector<std::int64_t> label = to_vector<std::int64_t>(labels);
    const std::int64_t size = member.shape()[2];
    std::vector<double> in_batch(static_cast<std::size_t>(n)),
        in_picture(static_cast<std::size_t>(member.shape()[0] * n));
    const auto each = [&](const auto& f) {  // f(pixel in the batch, its picture × n + its object)
      for (std::size_t i = 0; i < label.size(); ++i) {
        if (label[i] < 1 || label[i] > n) continue;
        f(static_cast<std::int64_t>(i), static_cast<std::int64_t>(i) / size * n + label[i] - 1);
      }
    };
    each([&](std::int64_t, std::int64_t object) {
      ++in_picture[static_cast<std::size_t>(object)];
      ++in_batch[static_cast<std::size_t>(object % n)];
    });
    each([&](std::int64_t pixel, std::int64_t object) {
      member.data<double>()[object * size + pixel % size] = 1;
      share.data<double>()[object * size + pixel % size] = 1 / in_picture[static_cast<std::size_t>(object)];
      weight.data<double>()[pixel] = 1 / (static_cast<double>(n) * in_batch[static_cast<std::size_t>(object % n)]);
    });
  }
};

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
  if (const Dtype dtype = promote(x0.dtype(), x1.dtype()); is_half(dtype)) {  // squares may be beyond its range
    return cast(contrastive(cast(x0, Dtype::kFloat32), cast(x1, Dtype::kFloat32), y, margin, reduce), dtype);
  }
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
  if (is_half(anchor.dtype())) {  // squares may be beyond its range
    const auto wide = [](const Variable& v) { return cast(v, Dtype::kFloat32); };
    return cast(triplet(wide(anchor), wide(positive), wide(negative), margin, reduce), anchor.dtype());
  }
  if (!(margin > 0)) throw ValueError("triplet: margin is ", margin, ", expected a number above 0.");
  const Variable near = sum(square(anchor - positive), {1}), far = sum(square(anchor - negative), {1});
  return reduced(positive_part(near - far + margin), reduce);
}

Variable cross_covariance(const Variable& y, const Variable& z, CovarianceReduce reduce) {
  if (const Dtype dtype = promote(y.dtype(), z.dtype()); is_half(dtype)) {
    return cast(cross_covariance(cast(y, Dtype::kFloat32), cast(z, Dtype::kFloat32), reduce), dtype);
  }
  check_matrix("cross_covariance", y);
  check_matrix("cross_covariance", z);
  check_equal("cross_covariance", Shape{y.shape()[0]}, Shape{z.shape()[0]});
  const double batch = static_cast<double>(std::max<std::int64_t>(y.shape()[0], 1));
  return reduced(matmul(centred(y), centred(z), /*transpose_a=*/true) / batch, reduce);
}

Variable decov(const Variable& h, CovarianceReduce reduce) {
  if (is_half(h.dtype())) return cast(decov(cast(h, Dtype::kFloat32), reduce), h.dtype());
  check_matrix("decov", h);
  const std::int64_t n = h.shape()[1];
  const double batch = static_cast<double>(std::max<std::int64_t>(h.shape()[0], 1));
  const Variable covariance = matmul(centred(h), centred(h), /*transpose_a=*/true) / batch;
  const Variable off_diagonal = 1 - constant_like(h, one_hot(arange(n), n));
  return reduced(covariance * off_diagonal, reduce);
}

Variable focal_loss(const Variable& x, const Array& t, double gamma, double alpha) {
  if (!(gamma >= 0)) throw ValueError("focal_loss: gamma is ", gamma, ", expected 0 or more.");
  const Variable log_p = select_item(log_softmax(x), t);
  if (gamma == 0) return mean(log_p) * -alpha;
  // A power below 1 has an infinite slope at 0, where a sample is certain: it counts as nothing.
  const Variable doubt = -expm1(log_p), none = constant_like(doubt, 0), one = constant_like(doubt, 1);
  const Array is_certain = equal(doubt.array(), 0);
  const Variable factor = where(is_certain, none, pow(where(is_certain, one, doubt), gamma));
  return mean(factor * log_p) * -alpha;
}

Variables discriminative_margin_based_clustering_loss(const Variable& embeddings, const Array& labels, double delta_v,
                                                      double delta_d, std::int64_t max_embedding_dim, int norm,
                                                      double alpha, double beta, double gamma) {
  const char* name = "discriminative_margin_based_clustering_loss";
  if (is_half(embeddings.dtype())) {
    const Variables wide = discriminative_margin_based_clustering_loss(
        cast(embeddings, Dtype::kFloat32), labels, delta_v, delta_d, max_embedding_dim, norm, alpha, beta, gamma);
    const Dtype dtype = embeddings.dtype();
    return {cast(wide[0], dtype), cast(wide[1], dtype), cast(wide[2], dtype)};
  }
  if (embeddings.ndim() != 4 || labels.ndim() != 3 || labels.shape()[0] != embeddings.shape()[0] ||
      labels.shape()[1] != embeddings.shape()[2] || labels.shape()[2] != embeddings.shape()[3]) {
    throw ShapeError(name, ": expected embeddings (batch, dim, h, w) and labels (batch, h, w), found ",
                     embeddings.shape(), " and ", labels.shape(), ".");
  }
  if (norm != 1 && norm != 2) throw ValueError(name, ": norm is ", norm, ", expected 1 or 2.");
  if (max_embedding_dim < 1)
    throw ValueError(name, ": max_embedding_dim is ", max_embedding_dim, ", expected at least 1.");
  const auto length = [&](const Variable& v, const Dims& axes) {
    return norm == 1 ? sum(abs(v), axes) : length_of(sum(square(v), axes));
  };
  const std::int64_t batch = embeddings.shape()[0], dim = embeddings.shape()[1], n = max_embedding_dim;
  const Objects objects(labels, n);
  const Variable pixels = reshape(embeddings, {batch, dim, labels.shape()[1] * labels.shape()[2]}),
                 member = constant_like(embeddings, objects.member);
  const Variable means = matmul(pixels, constant_like(embeddings, objects.share), false, true);  // (batch, dim, n)

  const Variable from_mean = length((matmul(means, member) - pixels) * sum(member, {1}, /*keepdims=*/true), {1});
  const Variable variance = sum(square(positive_part(from_mean - delta_v)) * constant_like(embeddings, objects.weight));
  Variable distance = constant_like(embeddings, 0);
  for (std::int64_t a = 0; a < n; ++a) {
    for (std::int64_t b = a + 1; b < n; ++b) {
      const Variable apart = length(select(means, 2, a) - select(means, 2, b), {1});
      distance = distance + sum(square(positive_part(2 * delta_d - apart)));
    }
  }
  const double pictures = static_cast<double>(std::max<std::int64_t>(batch, 1)),
               pairs = static_cast<double>(std::max<std::int64_t>(n * (n - 1) / 2, 1));
  return {variance * alpha, distance * (beta / (pairs * pictures)),
          sum(length(means, {0, 1})) * (gamma / (static_cast<double>(n) * pictures))};
}

}  // namespace rensa::functions
