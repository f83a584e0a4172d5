#pragma once

#include "core/distributions/distribution.h"

namespace rensa::distributions {

/// Median `loc`, half width at half maximum `scale`. It has neither mean nor variance: not-a-number.
class Cauchy final : public Distribution {
 public:
  Cauchy(const Variable& loc, const Variable& scale);
  const char* name() const override { return "Cauchy"; }
  Shape batch_shape() const override { return loc.shape(); }
  const char* support() const override { return "real"; }
  bool has_rsample() const override { return true; }
  Variable log_prob(const Variable& x) const override;
  Variable cdf(const Variable& x) const override;
  Variable icdf(const Variable& p) const override;
  Variable mean() const override;
  Variable variance() const override { return mean(); }
  Variable mode() const override { return loc; }
  Variable entropy() const override;
  Variable sample_n(std::int64_t n) const override;

  const Variable loc, scale;
};

/// Of largest values: mode `loc`.
class Gumbel final : public Distribution {
 public:
  Gumbel(const Variable& loc, const Variable& scale);
  const char* name() const override { return "Gumbel"; }
  Shape batch_shape() const override { return loc.shape(); }
  const char* support() const override { return "real"; }
  bool has_rsample() const override { return true; }
  Variable log_prob(const Variable& x) const override;
  Variable cdf(const Variable& x) const override;
  Variable icdf(const Variable& p) const override;
  Variable mean() const override;
  Variable variance() const override;
  Variable mode() const override { return loc; }
  Variable entropy() const override;
  Variable sample_n(std::int64_t n) const override;

  const Variable loc, scale;
};

/// exp(-|x - loc| / scale) / (2 scale).
class Laplace final : public Distribution {
 public:
  Laplace(const Variable& loc, const Variable& scale);
  const char* name() const override { return "Laplace"; }
  Shape batch_shape() const override { return loc.shape(); }
  const char* support() const override { return "real"; }
  bool has_rsample() const override { return true; }
  Variable log_prob(const Variable& x) const override;
  Variable cdf(const Variable& x) const override;
  Variable icdf(const Variable& p) const override;
  Variable mean() const override { return loc; }
  Variable variance() const override;
  Variable mode() const override { return loc; }
  Variable entropy() const override;
  Variable sample_n(std::int64_t n) const override;

  const Variable loc, scale;
};

/// Alike on [low, high]; the divergence is infinite where the other one does not reach as far.
class Uniform final : public Distribution {
 public:
  Uniform(const Variable& low, const Variable& high);
  const char* name() const override { return "Uniform"; }
  Shape batch_shape() const override { return low.shape(); }
  const char* support() const override { return "[low, high]"; }
  bool has_rsample() const override { return true; }
  Variable log_prob(const Variable& x) const override;
  Variable cdf(const Variable& x) const override;
  Variable icdf(const Variable& p) const override;
  Variable mean() const override;
  Variable variance() const override;
  Variable entropy() const override;
  Variable sample_n(std::int64_t n) const override;

  const Variable low, high;
};

}  // namespace rensa::distributions
