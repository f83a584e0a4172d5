#pragma once

#include "core/distributions/distribution.h"

namespace rensa::distributions {

/// On (0, 1) with the exponents a - 1 and b - 1.
class Beta final : public Distribution {
 public:
  Beta(const Variable& a, const Variable& b);
  const char* name() const override { return "Beta"; }
  Shape batch_shape() const override { return a.shape(); }
  const char* support() const override { return "[0, 1]"; }
  Variable log_prob(const Variable& x) const override;
  Variable mean() const override;
  Variable variance() const override;
  Variable entropy() const override;
  Variable sample_n(std::int64_t n) const override;

  const Variable a, b;
};

/// Shares that sum to 1, with exponents alpha - 1: alpha (…, classes).
class Dirichlet final : public Distribution {
 public:
  /// Throws ShapeError for a scalar.
  explicit Dirichlet(const Variable& alpha);
  const char* name() const override { return "Dirichlet"; }
  Shape batch_shape() const override;
  Shape event_shape() const override { return {alpha.shape().back()}; }
  const char* support() const override { return "[0, 1]"; }
  Variable log_prob(const Variable& x) const override;
  Variable mean() const override;
  Variable variance() const override;
  Variable entropy() const override;
  Variable sample_n(std::int64_t n) const override;

  const Variable alpha;
};

/// Waiting time at `lam` events in a unit of time.
class Exponential final : public Distribution {
 public:
  explicit Exponential(const Variable& rate) : lam(rate) {}
  const char* name() const override { return "Exponential"; }
  Shape batch_shape() const override { return lam.shape(); }
  const char* support() const override { return "positive"; }
  bool has_rsample() const override { return true; }
  Variable log_prob(const Variable& x) const override;
  Variable cdf(const Variable& x) const override;
  Variable icdf(const Variable& p) const override;
  Variable mean() const override;
  Variable variance() const override;
  Variable mode() const override;
  Variable entropy() const override;
  Variable sample_n(std::int64_t n) const override;

  const Variable lam;
};

/// Shape k and scale theta.
class Gamma final : public Distribution {
 public:
  Gamma(const Variable& k, const Variable& theta);
  const char* name() const override { return "Gamma"; }
  Shape batch_shape() const override { return k.shape(); }
  const char* support() const override { return "positive"; }
  Variable log_prob(const Variable& x) const override;
  Variable mean() const override;
  Variable variance() const override;
  Variable entropy() const override;
  Variable sample_n(std::int64_t n) const override;

  const Variable k, theta;
};

/// Of the sum of k squares of standard normal numbers: Gamma(k / 2, 2).
class Chisquare final : public Distribution {
 public:
  explicit Chisquare(const Variable& k);
  const char* name() const override { return "Chisquare"; }
  Shape batch_shape() const override { return gamma.batch_shape(); }
  const char* support() const override { return "positive"; }
  Variable log_prob(const Variable& x) const override { return gamma.log_prob(x); }
  Variable mean() const override { return gamma.mean(); }
  Variable variance() const override { return gamma.variance(); }
  Variable entropy() const override { return gamma.entropy(); }
  Variable sample_n(std::int64_t n) const override { return gamma.sample_n(n); }

  const Gamma gamma;
};

/// Beyond `scale`, falling as x^-(alpha + 1). Mean and variance are infinite for alpha up to 1 and 2.
class Pareto final : public Distribution {
 public:
  Pareto(const Variable& scale, const Variable& alpha);
  const char* name() const override { return "Pareto"; }
  Shape batch_shape() const override { return scale.shape(); }
  const char* support() const override { return "[scale, inf]"; }
  bool has_rsample() const override { return true; }
  Variable log_prob(const Variable& x) const override;
  Variable cdf(const Variable& x) const override;
  Variable icdf(const Variable& p) const override;
  Variable mean() const override;
  Variable variance() const override;
  Variable mode() const override { return scale; }
  Variable entropy() const override;
  Variable sample_n(std::int64_t n) const override;

  const Variable scale, alpha;
};

}  // namespace rensa::distributions
