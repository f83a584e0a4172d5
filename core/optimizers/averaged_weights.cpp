#include "core/optimizers/averaged_weights.h"

#include <algorithm>

#include "core/error.h"
#include "core/kernels/optimizer_rules.h"
#include "core/serializers/serializer.h"

namespace rensa {

AveragedWeights::AveragedWeights(Link& model, const AveragedWeightsOptions& options)
    : model_(model), options_(options) {
  if (options.decay > 1)
    throw ValueError("AveragedWeights: decay is ", options.decay, ", expected at most 1 (negative: the mean).");
}

/// Parameters that were initialised since come in with their present values.
void AveragedWeights::join() {
  for (Parameter* parameter : model_.parameters()) {
    if (!parameter->is_initialized()) continue;
    const bool known =
        std::any_of(averages_.begin(), averages_.end(), [&](const auto& one) { return one.first == parameter; });
    if (known) continue;
    const Array& values = parameter->array();
    Array average = values.is_dense() && values.ndim() > 0 ? empty_like(values)
                                                           : empty(values.shape(), values.dtype(), values.device());
    average.copy_from(values);
    averages_.emplace_back(parameter, average);
  }
}

void AveragedWeights::update() {
  if (seen_++ < options_.start) return;
  join();
  ++count_;
  const double weight = options_.decay < 0 ? 1 / static_cast<double>(count_) : count_ == 1 ? 1 : 1 - options_.decay;
  for (const auto& [parameter, average] : averages_) kernels::average_update(average, parameter->array(), weight);
}

void AveragedWeights::swap() {
  for (const auto& [parameter, average] : averages_) {
    const Array values = parameter->array().copy();
    parameter->array().copy_from(average);
    average.copy_from(values);
  }
}

void AveragedWeights::serialize(Serializer& serializer) {
  serializer("seen", seen_);
  serializer("count", count_);
  if (count_ == 0) return;
  join();
  for (const Link::NamedParameter& named : model_.named_parameters()) {
    const auto found =
        std::find_if(averages_.begin(), averages_.end(), [&](const auto& one) { return one.first == named.parameter; });
    if (found != averages_.end()) serializer(named.path + "/average", found->second);
  }
}

}  // namespace rensa
