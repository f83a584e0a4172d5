#include "core/distributions/discrete.h"

#include <algorithm>
#include <cmath>

#include "core/array/logic.h"
#include "core/distributions/divergence.h"
#include "core/distributions/parameters.h"
#include "core/error.h"
#include "core/functions/activation.h"
#include "core/functions/arithmetic.h"
#include "core/functions/indexing.h"
#include "core/functions/math.h"
#include "core/functions/ordering.h"
#include "core/functions/softmax.h"
#include "core/functions/special.h"

namespace rensa::distributions {
namespace {

namespace F = functions;

Variable as(const Variable& x, const Variable& like) { return F::cast(x, like.dtype()); }

/// 0 log 0 is 0: value where the share is not 0.
Variable unless_zero(const Variable& share, const Variable& value) {
  return F::where(not_equal(share.array(), 0), value, Variable(zeros({}, value.dtype())));
}

const Variable& checked_classes(const Variable& p) {
  if (p.ndim() < 1) throw ShapeError("Categorical: expected (…, classes), found a scalar.");
  return p;
}

double draw_poisson(RandomStream& random, double lam) {
  double count = 0;
  for (; lam > 16; lam -= 16) count += draw_poisson(random, 16);  // a product of uniform numbers would underflow
  double product = draw_open(random);
  for (const double least = std::exp(-lam); product > least; product *= draw_open(random)) ++count;
  return count;
}

}  // namespace

Bernoulli::Bernoulli(const Variable& p) : Bernoulli(F::log(p) - F::log1p(-p), Logits{}) {}
Variable Bernoulli::log_prob(const Variable& x) const {
  // x logits, but 0 for x = 0 where the logits are infinite
  const Variable chosen = unless_zero(as(x, logits), as(x, logits) * logits);
  return chosen - F::softplus(logits);
}
Variable Bernoulli::mean() const { return F::sigmoid(logits); }
Variable Bernoulli::variance() const { return mean() * F::sigmoid(-logits); }
Variable Bernoulli::mode() const { return Variable(greater_equal(logits.array(), 0).to(logits.dtype())); }
Variable Bernoulli::entropy() const { return F::softplus(logits) - mean() * logits; }
Variable Bernoulli::sample_n(std::int64_t n) const {
  const std::vector<double> shares = to_vector<double>(mean().array());
  return Variable(draw_batch(n, logits.shape(), logits.dtype(), [&](RandomStream& random, std::size_t i) {
    return random.uniform() < shares[i] ? 1.0 : 0.0;
  }));
}

Categorical::Categorical(const Variable& p)
    : log_p(F::log(checked_classes(p)) - F::log(F::sum(p, {-1}, /*keepdims=*/true))) {}
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
  return -F::sum(unless_zero(p, p * log_p), {-1});
}
Variable Categorical::sample_n(std::int64_t n) const {
  const std::vector<double> shares = to_vector<double>(F::exp(log_p).array());
  const auto classes = static_cast<std::size_t>(log_p.shape().back());
  return Variable(draw_batch(n, batch_shape(), Dtype::kInt64, [&](RandomStream& random, std::size_t i) {
    double left = random.uniform();
    std::size_t c = 0;
    while (c + 1 < classes && left >= shares[i * classes + c]) left -= shares[i * classes + c++];
    return static_cast<double>(c);
  }));
}

Variable OneHotCategorical::log_prob(const Variable& x) const {
  const Variable chosen = as(x, number.log_p);
  return F::sum(unless_zero(chosen, chosen * number.log_p), {-1});
}
Variable OneHotCategorical::mean() const { return F::exp(number.log_p); }
Variable OneHotCategorical::variance() const { return mean() * (1.0 - mean()); }
Variable OneHotCategorical::mode() const {
  return Variable(F::one_hot(number.mode().array(), number.log_p.shape().back(), number.log_p.dtype()));
}
Variable OneHotCategorical::sample_n(std::int64_t n) const {
  return Variable(F::one_hot(number.sample_n(n).array(), number.log_p.shape().back(), number.log_p.dtype()));
}

Variable Geometric::log_prob(const Variable& x) const { return (as(x, p) - 1.0) * F::log1p(-p) + F::log(p); }
Variable Geometric::mean() const { return 1.0 / p; }
Variable Geometric::variance() const { return (1.0 - p) / F::square(p); }
Variable Geometric::mode() const { return Variable(ones(p.shape(), p.dtype())); }
Variable Geometric::entropy() const { return -F::log(p) - (1.0 - p) / p * F::log1p(-p); }
Variable Geometric::sample_n(std::int64_t n) const {
  const std::vector<double> shares = to_vector<double>(p.array());
  return Variable(draw_batch(n, p.shape(), p.dtype(), [&](RandomStream& random, std::size_t i) {
    return shares[i] >= 1 ? 1.0 : std::floor(std::log(draw_open(random)) / std::log1p(-shares[i])) + 1;
  }));
}

Variable Poisson::log_prob(const Variable& x) const {
  const Variable count = as(x, lam);
  return count * F::log(lam) - lam - F::lgamma(count + 1.0);
}
Variable Poisson::mode() const { return Variable(F::floor(lam).array()); }
Variable Poisson::sample_n(std::int64_t n) const {
  const std::vector<double> rates = to_vector<double>(lam.array());
  return Variable(draw_batch(n, lam.shape(), lam.dtype(),
                             [&](RandomStream& random, std::size_t i) { return draw_poisson(random, rates[i]); }));
}

namespace {

Variable divergence(const Categorical& p, const Categorical& q) {
  const Variable share = F::exp(p.log_p);
  return F::sum(unless_zero(share, share * (p.log_p - q.log_p)), {-1});
}

const KlRule<Bernoulli> kl_bernoulli([](const Bernoulli& p, const Bernoulli& q) {
  return p.mean() * (p.logits - q.logits) - F::softplus(p.logits) + F::softplus(q.logits);
});
const KlRule<Categorical> kl_categorical(divergence);
const KlRule<OneHotCategorical> kl_one_hot([](const OneHotCategorical& p, const OneHotCategorical& q) {
  return divergence(p.number, q.number);
});
const KlRule<Geometric> kl_geometric([](const Geometric& p, const Geometric& q) {
  return F::log(p.p / q.p) + (1.0 - p.p) / p.p * (F::log1p(-p.p) - F::log1p(-q.p));
});
const KlRule<Poisson> kl_poisson([](const Poisson& p, const Poisson& q) {
  return p.lam * F::log(p.lam / q.lam) - p.lam + q.lam;
});

}  // namespace
}  // namespace rensa::distributions
