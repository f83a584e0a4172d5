#pragma once

#include "core/distributions/distribution.h"

namespace rensa::distributions {

/// Mean `loc` and deviation `scale` > 0.
class Normal final : public Distribution {
 public:
  Normal(const Variable& loc, const Variable& scale);
  const char* name() const override { return "Normal"; }
  Shape batch_shape() const override { return loc.shape(); }
  const char* support() const override { return "real"; }
  bool has_rsample() const override { return true; }
  Variable log_prob(const Variable& x) const override;
  Variable cdf(const Variable& x) const override;
  Variable log_cdf(const Variable& x) const override;
  Variable survival_function(const Variable& x) const override;
  Variable log_survival_function(const Variable& x) const override;
  Variable icdf(const Variable& p) const override;
  Variable mean() const override { return loc; }
  Variable variance() const override;
  Variable stddev() const override { return scale; }
  Variable mode() const override { return loc; }
  Variable entropy() const override;
  Variable sample_n(std::int64_t n) const override;

  const Variable loc, scale;

 private:
  Variable standard(const Variable& x) const;
};

/// Whose logarithm is Normal(mu, sigma).
class LogNormal final : public Distribution {
 public:
  LogNormal(const Variable& mu, const Variable& sigma) : log(mu, sigma) {}
  const char* name() const override { return "LogNormal"; }
  Shape batch_shape() const override { return log.batch_shape(); }
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

  const Normal log;
};

/// Mean `loc` (…, d) and covariance L Lᵀ for the lower triangle L = `scale_tril` (…, d, d) with a positive diagonal.
/// Throws ShapeError if the two do not fit.
class MultivariateNormal final : public Distribution {
 public:
  MultivariateNormal(const Variable& loc, const Variable& scale_tril);
  const char* name() const override { return "MultivariateNormal"; }
  Shape batch_shape() const override;
  Shape event_shape() const override { return {loc.shape().back()}; }
  const char* support() const override { return "real vector"; }
  bool has_rsample() const override { return true; }
  Variable log_prob(const Variable& x) const override;
  Variable mean() const override { return loc; }
  Variable variance() const override;
  Variable covariance() const override;
  Variable mode() const override { return loc; }
  Variable entropy() const override;
  Variable sample_n(std::int64_t n) const override;

  /// (…): Σ log of L's diagonal.
  Variable log_determinant() const;
  /// L⁻¹ x for x (…, d).
  Variable whitened(const Variable& x) const;

  const Variable loc, scale_tril;
};

}  // namespace rensa::distributions
