#include "core/distributions/discrete.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "core/array/logic.h"
#include "core/distributions/divergence.h"
#include "core/distributions/parameters.h"
#include "core/error.h"
#include "core/functions/activation.h"
#include "core/functions/arithmetic.h"
#include "core/functions/constants.h"
#include "core/functions/indexing.h"
#include "core/functions/math.h"
#include "core/functions/ordering.h"
#include "core/functions/softmax.h"
#include "core/functions/special.h"

namespace rensa::distributions {
namespace {

namespace F = functions;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Variable as(const Variable& x, const Variable& like) { return F::cast(x, like.dtype()); }

/// 0 log 0 is 0: the product, with 0 for an infinite value where the share is 0. The value itself and not the product
/// gives way, so that the gradient of neither meets an infinite value times 0; finite ones are the share's gradient.
Variable share_of(const Variable& share, const Variable& value) {
  const Array counts = logical_or(not_equal(share.array(), 0), isfinite(value.array()));
  return share * F::where(counts, value, F::constant_like(value, 0));
}

/// f(x) but for x = `pole`: -infinity there, with a gradient of 0 instead of an infinite one, which is not-a-number
/// once it meets a 0.
template <class Log>
Variable with_pole(const Variable& x, double pole, const Log& f) {
  const Array outside = not_equal(x.array(), pole);
  return F::where(outside, f(F::where(outside, x, F::constant_like(x, 0.5))), F::constant_like(x, -kInfinity));
}
Variable log_of(const Variable& p) { return with_pole(p, 0, F::log); }
/// log(1 - p)
Variable log_of_rest(const Variable& p) {
  return with_pole(p, 1, [](const Variable& x) { return F::log1p(-x); });
}

const Variable& checked_classes(const Variable& p) {
  if (p.ndim() < 1) throw ShapeError("Categorical: expected (…, classes), found a scalar.");
  return p;
}

double draw_poisson(RandomStream& random, double lam) {
  constexpr double kLargest = 1e9;  // seconds for a draw
  if (!(lam >= 0 && lam <= kLargest)) {
    throw ValueError("Poisson: a rate of ", lam, ", expected a number from 0 to ", kLargest,
                     " to draw by: a draw takes time in proportion.");
  }
  double count = 0;
  for (; lam > 16; lam -= 16) count += draw_poisson(random, 16);  // a product of uniform numbers would underflow
  double product = random.open_uniform();
  for (const double least = std::exp(-lam); product > least; product *= random.open_uniform()) ++count;
  return count;
}

}  // namespace

// The logarithms of p and of 1 - p are -softplus(-logits) and -softplus(logits): where the logits are infinite, one of
// them is 0 and the other, infinite, has no share.

Bernoulli::Bernoulli(const Variable& p) : Bernoulli(log_of(p) - log_of_rest(p), Logits{}) {}
Variable Bernoulli::log_prob(const Variable& x) const {
  const Variable one = as(x, logits);
  return share_of(one, -F::softplus(-logits)) + share_of(1.0 - one, -F::softplus(logits));
}
Variable Bernoulli::mean() const { return F::sigmoid(logits); }
Variable Bernoulli::variance() const { return mean() * F::sigmoid(-logits); }
Variable Bernoulli::mode() const { return Variable(greater_equal(logits.array(), 0).to(logits.dtype())); }
Variable Bernoulli::entropy() const {
  return share_of(mean(), F::softplus(-logits)) + share_of(F::sigmoid(-logits), F::softplus(logits));
}
Variable Bernoulli::sample_n(std::int64_t n) const {
  const std::vector<double> shares = to_vector<double>(mean().array());
  return F::constant_like(logits, draw_batch(*this, n, logits.dtype(), [&](RandomStream& random, std::size_t i) {
                            return random.uniform() < shares[i] ? 1.0 : 0.0;
                          }));
}

Categorical::Categorical(const Variable& p)
    : log_p(log_of(checked_classes(p)) - F::log(F::sum(p, {-1}, /*keepdims=*/true))) {}
Categorical Categorical::of_logits(const Variable& logits) {
  return Categorical(F::log_softmax(checked_classes(logits), -1), LogShares{});
}
Shape Categorical::batch_shape() const {
  Shape shape = log_p.shape();
  shape.erase(shape.ndim() - 1);
  return shape;
}
Variable Categorical::log_prob(const Variable& x) const {
  Shape whole = x.shape();
  whole.push_back(log_p.shape().back());
  const Array numbers = x.array().to(Dtype::kInt64).expand_dims(x.ndim());
  return F::squeeze(F::gather(F::broadcast_to(log_p, whole), numbers, -1), -1);
}
Variable Categorical::mode() const { return Variable(F::argmax(log_p.array(), -1)); }
Variable Categorical::entropy() const {
  const Variable p = F::exp(log_p);
  return -F::sum(share_of(p, log_p), {-1});
}
Variable Categorical::sample_n(std::int64_t n) const {
  const std::vector<double> shares = to_vector<double>(F::exp(log_p).array());
  const auto classes = static_cast<std::size_t>(log_p.shape().back());
  const Array drawn = draw_batch(*this, n, Dtype::kInt64, [&](RandomStream& random, std::size_t i) {
    return static_cast<double>(random.pick(std::span(shares).subspan(i * classes, classes)));
  });
  return Variable(drawn.to(log_p.device()));
}

Variable OneHotCategorical::log_prob(const Variable& x) const {
  return F::sum(share_of(as(x, number.log_p), number.log_p), {-1});
}
Variable OneHotCategorical::mean() const { return F::exp(number.log_p); }
Variable OneHotCategorical::variance() const { return mean() * (1.0 - mean()); }
Variable OneHotCategorical::mode() const {
  return F::constant_like(number.log_p, F::one_hot(number.mode().array(), number.log_p.shape().back()));
}
Variable OneHotCategorical::sample_n(std::int64_t n) const {
  return F::constant_like(number.log_p, F::one_hot(number.sample_n(n).array(), number.log_p.shape().back()));
}

Variable Geometric::log_prob(const Variable& x) const { return share_of(as(x, p) - 1.0, log_of_rest(p)) + F::log(p); }
Variable Geometric::mean() const { return 1.0 / p; }
Variable Geometric::variance() const { return (1.0 - p) / F::square(p); }
Variable Geometric::mode() const { return Variable(ones(p.shape(), p.dtype(), p.device())); }
Variable Geometric::entropy() const { return -F::log(p) - share_of(1.0 - p, log_of_rest(p)) / p; }
Variable Geometric::sample_n(std::int64_t n) const {
  const std::vector<double> shares = to_vector<double>(p.array());
  return F::constant_like(
      p, draw_batch(*this, n, p.dtype(), [&](RandomStream& random, std::size_t i) {
        return shares[i] >= 1 ? 1.0 : std::floor(std::log(random.open_uniform()) / std::log1p(-shares[i])) + 1;
      }));
}

Variable Poisson::log_prob(const Variable& x) const {
  const Variable count = as(x, lam);
  return share_of(count, log_of(lam)) - lam - F::lgamma(count + 1.0);
}
Variable Poisson::mode() const { return Variable(F::floor(lam).array()); }
Variable Poisson::sample_n(std::int64_t n) const {
  const std::vector<double> rates = to_vector<double>(lam.array());
  return F::constant_like(lam, draw_batch(*this, n, lam.dtype(), [&](RandomStream& random, std::size_t i) {
                            return draw_poisson(random, rates[i]);
                          }));
}

namespace {

Variable divergence(const Categorical& p, const Categorical& q) {
  const Variable share = F::exp(p.log_p);
  return F::sum(share_of(share, p.log_p - q.log_p), {-1});
}

const KlRule<Bernoulli> kl_bernoulli([](const Bernoulli& p, const Bernoulli& q) {
  return share_of(p.mean(), F::softplus(-q.logits) - F::softplus(-p.logits)) +
         share_of(F::sigmoid(-p.logits), F::softplus(q.logits) - F::softplus(p.logits));
});
const KlRule<Categorical> kl_categorical(divergence);
const KlRule<OneHotCategorical> kl_one_hot([](const OneHotCategorical& p, const OneHotCategorical& q) {
  return divergence(p.number, q.number);
});
const KlRule<Geometric> kl_geometric([](const Geometric& p, const Geometric& q) {
  return F::log(p.p / q.p) + share_of(1.0 - p.p, log_of_rest(p.p) - log_of_rest(q.p)) / p.p;
});
const KlRule<Poisson> kl_poisson([](const Poisson& p, const Poisson& q) {
  return share_of(p.lam, log_of(p.lam) - F::log(q.lam)) - p.lam + q.lam;
});

}  // namespace
}  // namespace rensa::distributions
