#include "core/distributions/positive.h"

#include <cmath>
#include <limits>

#include "core/array/logic.h"
#include "core/distributions/divergence.h"
#include "core/distributions/parameters.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/constants.h"
#include "core/functions/indexing.h"
#include "core/functions/math.h"
#include "core/functions/softmax.h"
#include "core/functions/special.h"

namespace rensa::distributions {
namespace {

namespace F = functions;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// factor · log(x), which is 0 for a factor of 0 at x = 0 too.
Variable times_log(const Variable& factor, const Variable& x) {
  const Array is_nothing = logical_and(equal(factor.array(), 0), equal(x.array(), 0));
  return factor * F::log(F::where(is_nothing, F::constant_like(x, 1), x));
}

Array is_share(const Variable& x) { return logical_and(greater_equal(x.array(), 0), less_equal(x.array(), 1)); }

Variable log_beta(const Variable& a, const Variable& b) { return F::lgamma(a) + F::lgamma(b) - F::lgamma(a + b); }

/// Waiting times at a rate of 1, (n, batch…).
Variable waiting_times(const Distribution& family, std::int64_t n, const Variable& like) {
  const auto next = [](RandomStream& random, std::size_t) { return -std::log(random.open_uniform()); };
  return F::constant_like(like, draw_batch(family, n, like.dtype(), next));
}

}  // namespace

Beta::Beta(const Variable& a_, const Variable& b_)
    : a(together("Beta", a_, b_).first), b(together("Beta", a_, b_).second) {}
Variable Beta::log_prob(const Variable& x) const {
  return on_support(is_share(x), x, F::constant_like(x, 0.5), [&](const Variable& share) {
    return times_log(a - 1.0, share) + times_log(b - 1.0, 1.0 - share) - log_beta(a, b);
  });
}
Variable Beta::mean() const { return a / (a + b); }
Variable Beta::variance() const {
  const Variable sum = a + b;
  return a * b / (F::square(sum) * (sum + 1.0));
}
Variable Beta::entropy() const {
  const Variable sum = a + b;
  return log_beta(a, b) - (a - 1.0) * F::digamma(a) - (b - 1.0) * F::digamma(b) + (sum - 2.0) * F::digamma(sum);
}
Variable Beta::sample_n(std::int64_t n) const {
  const std::vector<double> as = to_vector<double>(a.array()), bs = to_vector<double>(b.array());
  return F::constant_like(a, draw_batch(*this, n, a.dtype(), [&](RandomStream& random, std::size_t i) {
                            const double x = draw_log_gamma(random, as[i]), y = draw_log_gamma(random, bs[i]);
                            return 1 / (1 + std::exp(y - x));
                          }));
}

Dirichlet::Dirichlet(const Variable& alpha_) : alpha(alpha_) {
  if (alpha.ndim() < 1) throw ShapeError("Dirichlet: expected alpha (…, classes), found a scalar.");
}
Shape Dirichlet::batch_shape() const {
  Shape shape = alpha.shape();
  shape.erase(shape.ndim() - 1);
  return shape;
}
Variable Dirichlet::log_prob(const Variable& x) const {
  const Variable each = on_support(greater_equal(x.array(), 0), x, F::constant_like(x, 1),
                                   [&](const Variable& share) { return times_log(alpha - 1.0, share); });
  return F::sum(each - F::lgamma(alpha), {-1}) + F::lgamma(F::sum(alpha, {-1}));
}
Variable Dirichlet::mean() const { return alpha / F::sum(alpha, {-1}, /*keepdims=*/true); }
Variable Dirichlet::variance() const {
  const Variable share = mean();
  return share * (1.0 - share) / (F::sum(alpha, {-1}, true) + 1.0);
}
Variable Dirichlet::entropy() const {
  const Variable total = F::sum(alpha, {-1});
  const auto classes = static_cast<double>(alpha.shape().back());
  return F::sum(F::lgamma(alpha) - (alpha - 1.0) * F::digamma(alpha), {-1}) - F::lgamma(total) +
         (total - classes) * F::digamma(total);
}
Variable Dirichlet::sample_n(std::int64_t n) const {
  const std::vector<double> each = to_vector<double>(alpha.array());
  const auto next = [&](RandomStream& random, std::size_t i) { return draw_log_gamma(random, each[i]); };
  const Variable logs(draw_batch(*this, n, Dtype::kFloat64, next));
  return F::constant_like(alpha, F::softmax(logs, -1).array());
}

Variable Exponential::log_prob(const Variable& x) const {
  return on_support(greater_equal(x.array(), 0), x, F::constant_like(x, 1),
                    [&](const Variable& time) { return F::log(lam) - lam * time; });
}
Variable Exponential::cdf(const Variable& x) const { return -F::expm1(-lam * F::clip(x, 0, kInfinity)); }
Variable Exponential::icdf(const Variable& p) const { return -F::log1p(-p) / lam; }
Variable Exponential::mean() const { return 1.0 / lam; }
Variable Exponential::variance() const { return 1.0 / F::square(lam); }
Variable Exponential::mode() const { return Variable(zeros(lam.shape(), lam.dtype(), lam.device())); }
Variable Exponential::entropy() const { return 1.0 - F::log(lam); }
Variable Exponential::sample_n(std::int64_t n) const { return waiting_times(*this, n, lam) / lam; }

Gamma::Gamma(const Variable& k_, const Variable& theta_)
    : k(together("Gamma", k_, theta_).first), theta(together("Gamma", k_, theta_).second) {}
Variable Gamma::log_prob(const Variable& x) const {
  return on_support(greater_equal(x.array(), 0), x, F::constant_like(x, 1), [&](const Variable& amount) {
    return times_log(k - 1.0, amount) - amount / theta - F::lgamma(k) - k * F::log(theta);
  });
}
Variable Gamma::mean() const { return k * theta; }
Variable Gamma::variance() const { return k * F::square(theta); }
Variable Gamma::entropy() const { return k + F::log(theta) + F::lgamma(k) + (1.0 - k) * F::digamma(k); }
Variable Gamma::sample_n(std::int64_t n) const {
  const std::vector<double> shapes = to_vector<double>(k.array());
  return theta * F::constant_like(k, draw_batch(*this, n, k.dtype(), [&](RandomStream& random, std::size_t i) {
                                    return draw_gamma(random, shapes[i]);
                                  }));
}

Chisquare::Chisquare(const Variable& k) : gamma(k * 0.5, F::constant_like(k, 2)) {}

Pareto::Pareto(const Variable& s, const Variable& a)
    : scale(together("Pareto", s, a).first), alpha(together("Pareto", s, a).second) {}
Variable Pareto::log_prob(const Variable& x) const {
  return on_support(less_equal(scale.array(), x.array()), x, scale, [&](const Variable& amount) {
    return F::log(alpha) + alpha * F::log(scale) - (alpha + 1.0) * F::log(amount);
  });
}
Variable Pareto::cdf(const Variable& x) const {
  return F::where(less_equal(scale.array(), x.array()), 1.0 - F::pow(scale / x, alpha), F::constant_like(scale, 0));
}
Variable Pareto::icdf(const Variable& p) const { return scale * F::exp(-F::log1p(-p) / alpha); }
Variable Pareto::mean() const {
  return F::where(greater(alpha.array(), 1), alpha * scale / (alpha - 1.0), F::constant_like(scale, kInfinity));
}
Variable Pareto::variance() const {
  const Variable finite = F::square(scale) * alpha / (F::square(alpha - 1.0) * (alpha - 2.0));
  return F::where(greater(alpha.array(), 2), finite, F::constant_like(scale, kInfinity));
}
Variable Pareto::entropy() const { return F::log(scale / alpha) + 1.0 / alpha + 1.0; }
Variable Pareto::sample_n(std::int64_t n) const { return scale * F::exp(waiting_times(*this, n, alpha) / alpha); }

namespace {

Variable divergence(const Gamma& p, const Gamma& q) {
  return (p.k - q.k) * F::digamma(p.k) - F::lgamma(p.k) + F::lgamma(q.k) + q.k * F::log(q.theta / p.theta) +
         p.k * (p.theta / q.theta - 1.0);
}

const KlRule<Beta> kl_beta([](const Beta& p, const Beta& q) {
  return log_beta(q.a, q.b) - log_beta(p.a, p.b) + (p.a - q.a) * F::digamma(p.a) + (p.b - q.b) * F::digamma(p.b) +
         (q.a - p.a + q.b - p.b) * F::digamma(p.a + p.b);
});
const KlRule<Dirichlet> kl_dirichlet([](const Dirichlet& p, const Dirichlet& q) {
  const Variable total = F::sum(p.alpha, {-1}, /*keepdims=*/true);
  const Variable each =
      F::lgamma(q.alpha) - F::lgamma(p.alpha) + (p.alpha - q.alpha) * (F::digamma(p.alpha) - F::digamma(total));
  return F::sum(each, {-1}) + F::lgamma(F::sum(p.alpha, {-1})) - F::lgamma(F::sum(q.alpha, {-1}));
});
const KlRule<Exponential> kl_exponential([](const Exponential& p, const Exponential& q) {
  return q.lam / p.lam - F::log(q.lam / p.lam) - 1.0;
});
const KlRule<Gamma> kl_gamma(divergence);
const KlRule<Chisquare> kl_chisquare([](const Chisquare& p, const Chisquare& q) {
  return divergence(p.gamma, q.gamma);
});
const KlRule<Pareto> kl_pareto([](const Pareto& p, const Pareto& q) {
  const Variable ratio = q.alpha / p.alpha;
  const Variable inside = q.alpha * F::log(p.scale / q.scale) - F::log(ratio) + ratio - 1.0;
  return F::where(less_equal(q.scale.array(), p.scale.array()), inside, F::constant_like(p.scale, kInfinity));
});

}  // namespace
}  // namespace rensa::distributions
