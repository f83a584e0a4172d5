#pragma once

#include <memory>
#include <utility>

#include "core/distributions/distribution.h"

namespace rensa::distributions {

/// Takes the last axes of a family's batch as parts of one value: log_prob and entropy are summed over them. Throws
/// ShapeError if the batch has fewer.
class Independent final : public Distribution {
 public:
  Independent(std::shared_ptr<const Distribution> each, int axes);
  const char* name() const override { return "Independent"; }
  Shape batch_shape() const override;
  Shape event_shape() const override;
  const char* support() const override { return each->support(); }
  bool has_rsample() const override { return each->has_rsample(); }
  Variable log_prob(const Variable& x) const override { return summed(each->log_prob(x)); }
  Variable mean() const override { return each->mean(); }
  Variable variance() const override { return each->variance(); }
  Variable mode() const override { return each->mode(); }
  Variable entropy() const override { return summed(each->entropy()); }
  Variable sample_n(std::int64_t n) const override { return each->sample_n(n); }
  /// Over the axes that are parts of one value.
  Variable summed(const Variable& x) const;

  const std::shared_ptr<const Distribution> each;
  const int axes;
};

/// Independent of a copy of `each`.
template <class Family>
Independent independent(const Family& each, int axes) {
  return {std::make_shared<const Family>(each), axes};
}

}  // namespace rensa::distributions
