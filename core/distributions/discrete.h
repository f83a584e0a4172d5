#pragma once

#include "core/distributions/distribution.h"

namespace rensa::distributions {

// Values are whole numbers in the parameters' dtype, or in any dtype that a program gives. Parameters are
// probabilities, or logits where of_logits says so.

/// 1 with probability p, else 0.
class Bernoulli final : public Distribution {
 public:
  explicit Bernoulli(const Variable& p);
  static Bernoulli of_logits(const Variable& logits) { return Bernoulli(logits, Logits{}); }  ///< from log(p / (1 - p))
  const char* name() const override { return "Bernoulli"; }
  Shape batch_shape() const override { return logits.shape(); }
  const char* support() const override { return "{0, 1}"; }
  Variable log_prob(const Variable& x) const override;
  Variable mean() const override;
  Variable variance() const override;
  Variable mode() const override;
  Variable entropy() const override;
  Variable sample_n(std::int64_t n) const override;

  const Variable logits;

 private:
  struct Logits {};
  Bernoulli(const Variable& l, Logits) : logits(l) {}
};

/// One of the classes of the last axis: p (…, classes); values are class numbers (…), samples int64.
class Categorical final : public Distribution {
 public:
  explicit Categorical(const Variable& p);
  static Categorical of_logits(const Variable& logits);  ///< from logits (…, classes): p is their softmax
  const char* name() const override { return "Categorical"; }
  Shape batch_shape() const override;
  const char* support() const override { return "class numbers"; }
  Variable log_prob(const Variable& x) const override;
  Variable mode() const override;
  Variable entropy() const override;
  Variable sample_n(std::int64_t n) const override;

  const Variable log_p;  ///< normalized

 private:
  struct LogShares {};
  Categorical(const Variable& l, LogShares) : log_p(l) {}
};

/// The same with values of one 1 among zeros: (…, classes).
class OneHotCategorical final : public Distribution {
 public:
  explicit OneHotCategorical(const Variable& p) : number(p) {}
  /// From logits (…, classes): p is their softmax.
  static OneHotCategorical of_logits(const Variable& logits) {
    return OneHotCategorical(Categorical::of_logits(logits));
  }
  const char* name() const override { return "OneHotCategorical"; }
  Shape batch_shape() const override { return number.batch_shape(); }
  Shape event_shape() const override { return {number.log_p.shape().back()}; }
  const char* support() const override { return "one 1 among zeros"; }
  Variable log_prob(const Variable& x) const override;
  Variable mean() const override;
  Variable variance() const override;
  Variable mode() const override;
  Variable entropy() const override { return number.entropy(); }
  Variable sample_n(std::int64_t n) const override;

  const Categorical number;

 private:
  explicit OneHotCategorical(const Categorical& c) : number(c) {}
};

/// Trials up to and with the first success of probability p: 1, 2, …
class Geometric final : public Distribution {
 public:
  explicit Geometric(const Variable& share) : p(share) {}
  const char* name() const override { return "Geometric"; }
  Shape batch_shape() const override { return p.shape(); }
  const char* support() const override { return "positive integer"; }
  Variable log_prob(const Variable& x) const override;
  Variable mean() const override;
  Variable variance() const override;
  Variable mode() const override;
  Variable entropy() const override;
  Variable sample_n(std::int64_t n) const override;

  const Variable p;
};

/// Events in a unit of time at a rate of `lam`. A sample takes time in proportion to lam, and is refused for
/// one above 1e9.
class Poisson final : public Distribution {
 public:
  explicit Poisson(const Variable& rate) : lam(rate) {}
  const char* name() const override { return "Poisson"; }
  Shape batch_shape() const override { return lam.shape(); }
  const char* support() const override { return "non negative integer"; }
  Variable log_prob(const Variable& x) const override;
  Variable mean() const override { return lam; }
  Variable variance() const override { return lam; }
  Variable mode() const override;
  Variable sample_n(std::int64_t n) const override;

  const Variable lam;
};

}  // namespace rensa::distributions
