#include "core/distributions/location_scale.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "core/array/logic.h"
#include "core/distributions/divergence.h"
#include "core/distributions/parameters.h"
#include "core/functions/arithmetic.h"
#include "core/functions/constants.h"
#include "core/functions/indexing.h"
#include "core/functions/math.h"
#include "core/functions/special.h"
#include "core/functions/trigonometry.h"

namespace rensa::distributions {
namespace {

namespace F = functions;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Samples of F(a, b), (n, batch…): its icdf of shares in (0, 1). All in float64, since in a narrower type shares round
/// to 0 and 1, whose icdf is infinite.
template <class Family>
Variable samples(const Family& family, std::int64_t n, const Variable& a, const Variable& b) {
  const Array shares =
      draw_batch(family, n, Dtype::kFloat64, [](RandomStream& random, std::size_t) { return random.open_uniform(); });
  const Variable wide_a = F::cast(a, Dtype::kFloat64), wide_b = F::cast(b, Dtype::kFloat64);
  return F::cast(Family(wide_a, wide_b).icdf(F::constant_like(wide_a, shares)), a.dtype());
}

}  // namespace

Cauchy::Cauchy(const Variable& l, const Variable& s)
    : loc(together("Cauchy", l, s).first), scale(together("Cauchy", l, s).second) {}
Variable Cauchy::log_prob(const Variable& x) const {
  return F::log(scale) - F::log(F::square(scale) + F::square(x - loc)) - std::log(std::numbers::pi);
}
Variable Cauchy::cdf(const Variable& x) const { return F::arctan((x - loc) / scale) / std::numbers::pi + 0.5; }
Variable Cauchy::icdf(const Variable& p) const { return loc + scale * F::tan((p - 0.5) * std::numbers::pi); }
Variable Cauchy::mean() const {
  return Variable(full(loc.shape(), std::numeric_limits<double>::quiet_NaN(), loc.dtype(), loc.device()));
}
Variable Cauchy::entropy() const { return F::log(scale) + std::log(4 * std::numbers::pi); }
Variable Cauchy::sample_n(std::int64_t n) const { return samples(*this, n, loc, scale); }

Gumbel::Gumbel(const Variable& l, const Variable& s)
    : loc(together("Gumbel", l, s).first), scale(together("Gumbel", l, s).second) {}
Variable Gumbel::log_prob(const Variable& x) const {
  const Variable z = (x - loc) / scale;
  return -z - F::exp(-z) - F::log(scale);
}
Variable Gumbel::cdf(const Variable& x) const { return F::exp(-F::exp((loc - x) / scale)); }
Variable Gumbel::icdf(const Variable& p) const { return loc - scale * F::log(-F::log(p)); }
Variable Gumbel::mean() const { return loc + scale * std::numbers::egamma; }
Variable Gumbel::variance() const { return F::square(scale) * (std::numbers::pi * std::numbers::pi / 6); }
Variable Gumbel::entropy() const { return F::log(scale) + (1 + std::numbers::egamma); }
Variable Gumbel::sample_n(std::int64_t n) const { return samples(*this, n, loc, scale); }

Laplace::Laplace(const Variable& l, const Variable& s)
    : loc(together("Laplace", l, s).first), scale(together("Laplace", l, s).second) {}
Variable Laplace::log_prob(const Variable& x) const { return -F::abs(x - loc) / scale - F::log(scale * 2.0); }
Variable Laplace::cdf(const Variable& x) const {
  const Variable z = (x - loc) / scale;
  const Variable below = 0.5 * F::exp(F::clip(z, -kInfinity, 0)), above = 0.5 * F::exp(-F::clip(z, 0, kInfinity));
  return F::where(less(z.array(), 0), below, 1.0 - above);
}
Variable Laplace::icdf(const Variable& p) const {
  const Variable below = F::log(2.0 * F::clip(p, -kInfinity, 0.5));
  const Variable above = -F::log(2.0 * (1.0 - F::clip(p, 0.5, kInfinity)));
  return loc + scale * F::where(less(p.array(), 0.5), below, above);
}
Variable Laplace::variance() const { return F::square(scale) * 2.0; }
Variable Laplace::entropy() const { return F::log(scale * 2.0) + 1.0; }
Variable Laplace::sample_n(std::int64_t n) const { return samples(*this, n, loc, scale); }

Uniform::Uniform(const Variable& l, const Variable& h)
    : low(together("Uniform", l, h).first), high(together("Uniform", l, h).second) {}
Variable Uniform::log_prob(const Variable& x) const {
  const Array inside = logical_and(less_equal(low.array(), x.array()), less_equal(x.array(), high.array()));
  return F::where(inside, -F::log(high - low), F::constant_like(low, -kInfinity));
}
Variable Uniform::cdf(const Variable& x) const { return F::clip((x - low) / (high - low), 0, 1); }
Variable Uniform::icdf(const Variable& p) const { return low + (high - low) * p; }
Variable Uniform::mean() const { return (low + high) * 0.5; }
Variable Uniform::variance() const { return F::square(high - low) / 12.0; }
Variable Uniform::entropy() const { return F::log(high - low); }
Variable Uniform::sample_n(std::int64_t n) const { return samples(*this, n, low, high); }

namespace {

const KlRule<Cauchy> kl_cauchy([](const Cauchy& p, const Cauchy& q) {
  return F::log((F::square(p.scale + q.scale) + F::square(p.loc - q.loc)) / (p.scale * q.scale * 4.0));
});
const KlRule<Gumbel> kl_gumbel([](const Gumbel& p, const Gumbel& q) {
  const Variable ratio = p.scale / q.scale, between = (p.loc - q.loc) / q.scale;
  return between - F::log(ratio) + (ratio - 1.0) * std::numbers::egamma + F::exp(F::lgamma(ratio + 1.0) - between) -
         1.0;
});
const KlRule<Laplace> kl_laplace([](const Laplace& p, const Laplace& q) {
  const Variable ratio = p.scale / q.scale, between = F::abs(p.loc - q.loc);
  return between / q.scale - F::log(ratio) + ratio * F::exp(-between / p.scale) - 1.0;
});
const KlRule<Uniform> kl_uniform([](const Uniform& p, const Uniform& q) {
  const Array covered =
      logical_and(less_equal(q.low.array(), p.low.array()), less_equal(p.high.array(), q.high.array()));
  return F::where(covered, F::log((q.high - q.low) / (p.high - p.low)), F::constant_like(p.low, kInfinity));
});

}  // namespace
}  // namespace rensa::distributions
