#include "core/distributions/normal.h"

#include <cmath>
#include <numbers>

#include "core/array/logic.h"
#include "core/distributions/divergence.h"
#include "core/distributions/parameters.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/constants.h"
#include "core/functions/indexing.h"
#include "core/functions/linear_algebra.h"
#include "core/functions/math.h"
#include "core/functions/matmul.h"
#include "core/functions/rearrangement.h"
#include "core/functions/shape.h"
#include "core/functions/special.h"

namespace rensa::distributions {
namespace {

namespace F = functions;

const double kLogRootTwoPi = 0.5 * std::log(2 * std::numbers::pi);

/// A matrix times a vector for every matrix: (…, d, d) and (…, d).
Variable times_vector(const Variable& a, const Variable& x) {
  return F::squeeze(F::matmul(a, F::expand_dims(x, -1)), -1);
}

/// Of mean 0 and variance 1, (n, batch…, event…).
Variable standard_noise(const Distribution& family, std::int64_t n, const Variable& like) {
  return F::constant_like(
      like, draw_batch(family, n, like.dtype(), [](RandomStream& random, std::size_t) { return random.normal(); }));
}

Shape with_square(Shape vectors) {
  vectors.push_back(vectors.back());
  return vectors;
}

}  // namespace

Normal::Normal(const Variable& l, const Variable& s)
    : loc(together("Normal", l, s).first), scale(together("Normal", l, s).second) {}

Variable Normal::standard(const Variable& x) const { return (x - loc) / scale; }
Variable Normal::log_prob(const Variable& x) const {
  return F::square(standard(x)) * -0.5 - F::log(scale) - kLogRootTwoPi;
}
Variable Normal::cdf(const Variable& x) const { return F::ndtr(standard(x)); }
Variable Normal::log_cdf(const Variable& x) const { return F::log_ndtr(standard(x)); }
Variable Normal::survival_function(const Variable& x) const { return F::ndtr(-standard(x)); }
Variable Normal::log_survival_function(const Variable& x) const { return F::log_ndtr(-standard(x)); }
Variable Normal::icdf(const Variable& p) const { return loc + scale * F::ndtri(p); }
Variable Normal::variance() const { return F::square(scale); }
Variable Normal::entropy() const { return F::log(scale) + (kLogRootTwoPi + 0.5); }
Variable Normal::sample_n(std::int64_t n) const { return loc + scale * standard_noise(*this, n, loc); }

Variable LogNormal::log_prob(const Variable& x) const {
  return on_support(greater(x.array(), 0), x, F::constant_like(x, 1), [&](const Variable& amount) {
    const Variable log_x = F::log(amount);
    return log.log_prob(log_x) - log_x;
  });
}
Variable LogNormal::cdf(const Variable& x) const {
  const Array is_inside = greater(x.array(), 0);
  const Variable share = log.cdf(F::log(F::where(is_inside, x, F::constant_like(x, 1))));
  return F::where(is_inside, share, F::constant_like(share, 0));
}
Variable LogNormal::icdf(const Variable& p) const { return F::exp(log.icdf(p)); }
Variable LogNormal::mean() const { return F::exp(log.loc + log.variance() * 0.5); }
Variable LogNormal::variance() const { return F::expm1(log.variance()) * F::square(mean()); }
Variable LogNormal::mode() const { return F::exp(log.loc - log.variance()); }
Variable LogNormal::entropy() const { return log.entropy() + log.loc; }
Variable LogNormal::sample_n(std::int64_t n) const { return F::exp(log.sample_n(n)); }

MultivariateNormal::MultivariateNormal(const Variable& l, const Variable& L) : loc(l), scale_tril(L) {
  if (l.ndim() < 1 || L.shape() != with_square(l.shape())) {
    throw ShapeError("MultivariateNormal: loc is ", l.shape(), ", scale_tril is ", L.shape(),
                     "; expected (…, d) and (…, d, d).");
  }
}
Shape MultivariateNormal::batch_shape() const {
  Shape shape = loc.shape();
  shape.erase(shape.ndim() - 1);
  return shape;
}
Variable MultivariateNormal::log_determinant() const {
  return F::sum(F::log(F::diagonal(scale_tril, 0, -2, -1)), {-1});
}
Variable MultivariateNormal::whitened(const Variable& x) const {
  const Variable L = F::broadcast_to(scale_tril, with_square(x.shape()));
  return F::squeeze(F::solve(L, F::expand_dims(x, -1)), -1);
}
Variable MultivariateNormal::log_prob(const Variable& x) const {
  const auto d = static_cast<double>(loc.shape().back());
  return F::sum(F::square(whitened(x - loc)), {-1}) * -0.5 - log_determinant() - d * kLogRootTwoPi;
}
Variable MultivariateNormal::variance() const { return F::sum(F::square(scale_tril), {-1}); }
Variable MultivariateNormal::covariance() const { return F::matmul(scale_tril, F::swapaxes(scale_tril, -2, -1)); }
Variable MultivariateNormal::entropy() const {
  const auto d = static_cast<double>(loc.shape().back());
  return log_determinant() + d * (kLogRootTwoPi + 0.5);
}
Variable MultivariateNormal::sample_n(std::int64_t n) const {
  const Variable noise = standard_noise(*this, n, loc);
  return loc + times_vector(F::broadcast_to(scale_tril, with_square(noise.shape())), noise);
}

namespace {

Variable divergence(const Normal& p, const Normal& q) {
  const Variable ratio = F::square(p.scale / q.scale), distance = F::square((p.loc - q.loc) / q.scale);
  return (ratio + distance - F::log(ratio) - 1.0) * 0.5;
}

const KlRule<Normal> kl_normal(divergence);
const KlRule<LogNormal> kl_log_normal([](const LogNormal& p, const LogNormal& q) { return divergence(p.log, q.log); });
const KlRule<MultivariateNormal> kl_multivariate_normal([](const MultivariateNormal& p, const MultivariateNormal& q) {
  const auto d = static_cast<double>(p.loc.shape().back());
  const Variable spread = F::sum(F::square(F::solve(q.scale_tril, p.scale_tril)), {-2, -1});
  const Variable distance = F::sum(F::square(q.whitened(q.loc - p.loc)), {-1});
  return q.log_determinant() - p.log_determinant() + (spread + distance - d) * 0.5;
});

}  // namespace
}  // namespace rensa::distributions
