#pragma once

#include <cstdint>

#include "core/autograd/variable.h"

namespace rensa::distributions {

/// Random variables of one family: parameters of `batch_shape` describe as many independent ones, each with values of
/// `event_shape`. Names as Chainer's.
///
///   const Normal p(mean, deviation);            // parameters are broadcast to each other, and promoted
///   Variable x = p.sample({10});                // (10, batch…, event…)
///   Variable loss = -functions::mean(p.log_prob(x));
///
/// What is computed is differentiable in the parameters and in x. What a family has no closed form for is refused with
/// a ValueError that names both. Samples are drawn by random_context(), as dropout's numbers are: row i of the batch is
/// sample first_sample + i of the global batch and draws from its own stream, the same on one rank or eight; a family
/// without a batch draws from that of first_sample. has_rsample() says whether samples are differentiable in the
/// parameters.
class Distribution {
 public:
  Distribution() = default;
  Distribution(const Distribution&) = default;
  Distribution& operator=(const Distribution&) = delete;
  virtual ~Distribution() = default;

  virtual const char* name() const = 0;             ///< for messages: "Normal"
  virtual Shape batch_shape() const = 0;            ///< how many independent variables there are, as a shape
  virtual Shape event_shape() const { return {}; }  ///< the shape of one value; () for numbers
  /// Where values lie: "real", "positive", "[0, 1]", "{0, 1}" …
  virtual const char* support() const = 0;
  virtual bool has_rsample() const { return false; }  ///< whether samples are differentiable in the parameters

  /// Of values x (sample…, batch…, event…): (sample…, batch…).
  virtual Variable log_prob(const Variable& x) const = 0;
  virtual Variable prob(const Variable& x) const;                   ///< exp(log_prob): a probability, or a density
  virtual Variable cdf(const Variable& x) const;                    ///< the probability of a value up to x
  virtual Variable log_cdf(const Variable& x) const;                ///< log(cdf)
  virtual Variable survival_function(const Variable& x) const;      ///< 1 - cdf
  virtual Variable log_survival_function(const Variable& x) const;  ///< log(1 - cdf)
  virtual Variable icdf(const Variable& p) const;                   ///< the value below which a share p lies

  /// Of the batch: (batch…), or (batch…, event…) for what is a value.
  /// @{
  virtual Variable mean() const;
  virtual Variable variance() const;
  virtual Variable stddev() const;
  virtual Variable covariance() const;
  virtual Variable mode() const;
  /// @}
  virtual Variable entropy() const;  ///< in nats
  Variable perplexity() const;       ///< exp(entropy)

  /// (shape…, batch…, event…).
  Variable sample(const Shape& shape = {}) const;
  /// (n, batch…, event…).
  virtual Variable sample_n(std::int64_t n) const = 0;

 protected:
  /// Throws the ValueError that says that the family has no such thing.
  [[noreturn]] void refuse(const char* what) const;
};

}  // namespace rensa::distributions
