#include "core/optimizers/averaged_weights.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/kernels/optimizer_rules.h"
#include "core/serializers/serializer.h"

namespace rensa {

AveragedWeights::AveragedWeights(Link& model, const AveragedWeightsOptions& options)
    : model_(model), options_(options) {
  if (options.decay > 1)
    throw ValueError("AveragedWeights: decay is ", options.decay, ", expected at most 1 (negative: the mean).");
}

const AveragedWeights::Mean* AveragedWeights::find(const Parameter* parameter) const {
  const auto found =
      std::find_if(means_.begin(), means_.end(), [&](const Mean& mean) { return mean.parameter == parameter; });
  return found == means_.end() ? nullptr : &*found;
}

/// Parameters that were initialised since come in with their present values.
void AveragedWeights::join() {
  for (Parameter* parameter : model_.parameters()) {
    if (!parameter->is_initialized() || find(parameter)) continue;
    const Array& values = parameter->array();
    const Array mean = is_half(values.dtype()) ? values.to(Dtype::kFloat32) : empty_like(values);
    mean.copy_from(values);
    means_.push_back({.parameter = parameter, .values = mean, .own = Array()});
  }
}

void AveragedWeights::update() {
  if (seen_++ < options_.start) return;
  join();
  ++count_;
  const double weight = options_.decay < 0 ? 1 / static_cast<double>(count_) : count_ == 1 ? 1 : 1 - options_.decay;
  for (const Mean& mean : means_) kernels::average_update(mean.values, mean.parameter->array(), weight);
}

void AveragedWeights::swap() {
  for (Mean& mean : means_) {
    const Array& values = mean.parameter->array();
    if (mean.own) {
      values.copy_from(std::exchange(mean.own, Array()));
    } else {
      mean.own = values.copy();
      values.copy_from(mean.values);
    }
  }
}

void AveragedWeights::serialize(Serializer& serializer) {
  serializer("seen", seen_);
  serializer("count", count_);
  if (count_ == 0) return;
  join();
  for (const Link::NamedParameter& named : model_.named_parameters()) {
    if (const Mean* mean = find(named.parameter)) {
      Array values = mean->values;
      serializer(named.path + "/average", values);
    }
  }
}

}  // namespace rensa
