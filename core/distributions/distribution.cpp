#include "core/distributions/distribution.h"

#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/math.h"
#include "core/functions/shape.h"

namespace rensa::distributions {

namespace F = functions;

void Distribution::refuse(const char* what) const {
  throw ValueError(name(), ": there is no closed form for ", what, ". Estimate it from sample().");
}

Variable Distribution::prob(const Variable& x) const { return F::exp(log_prob(x)); }
Variable Distribution::cdf(const Variable&) const { refuse("cdf"); }
Variable Distribution::log_cdf(const Variable& x) const { return F::log(cdf(x)); }
Variable Distribution::survival_function(const Variable& x) const { return 1.0 - cdf(x); }
Variable Distribution::log_survival_function(const Variable& x) const { return F::log(survival_function(x)); }
Variable Distribution::icdf(const Variable&) const { refuse("icdf"); }
Variable Distribution::mean() const { refuse("mean"); }
Variable Distribution::variance() const { refuse("variance"); }
Variable Distribution::stddev() const { return F::sqrt(variance()); }
Variable Distribution::covariance() const { refuse("covariance"); }
Variable Distribution::mode() const { refuse("mode"); }
Variable Distribution::entropy() const { refuse("entropy"); }
Variable Distribution::perplexity() const { return F::exp(entropy()); }

Variable Distribution::sample(const Shape& shape) const {
  Shape whole = shape;
  for (const std::int64_t size : batch_shape()) whole.push_back(size);
  for (const std::int64_t size : event_shape()) whole.push_back(size);
  return F::reshape(sample_n(total_size(shape)), whole);
}

}  // namespace rensa::distributions
