#include "core/optimizers/averaged_weights.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/kernels/optimizer_rules.h"
#include "core/optimizers/present_parameters.h"
#include "core/serializers/serializer.h"

namespace rensa {

AveragedWeights::AveragedWeights(Link& model, const AveragedWeightsOptions& options)
    : model_(model), options_(options) {
  if (options.decay > 1)
    throw ValueError("AveragedWeights: decay is ", options.decay, ", expected at most 1 (negative: the mean).");
}

AveragedWeights::Mean* AveragedWeights::find(const Parameter* parameter) {
  const auto found =
      std::find_if(means_.begin(), means_.end(), [&](const Mean& mean) { return mean.parameter == parameter; });
  return found == means_.end() ? nullptr : &*found;
}

/// Parameters may leave the model with a link, or get another shape.
void AveragedWeights::forget_removed() {
  const auto present = present_parameters(model_);
  std::erase_if(means_, [&](const Mean& mean) {
    return !present.contains(mean.parameter) || !mean.variable.is(*mean.parameter) ||
           mean.values.shape() != mean.parameter->shape();
  });
}

/// Parameters that were initialised since come in with their present values.
void AveragedWeights::join() {
  forget_removed();
  for (Parameter* parameter : model_.parameters()) {
    if (!parameter->is_initialized() || find(parameter)) continue;
    const Array& values = parameter->array();
    const Array mean = is_half(values.dtype()) ? values.to(Dtype::kFloat32) : empty_like(values);
    mean.copy_from(values);
    means_.push_back({.parameter = parameter, .variable = *parameter, .values = mean, .own = Array()});
  }
}

void AveragedWeights::update() {
  if (seen_++ < options_.start) return;
  join();
  ++count_;
  for (Mean& mean : means_) {
    ++mean.count;
    const double share = options_.decay < 0 ? 1 / static_cast<double>(mean.count) : 1 - options_.decay;
    kernels::average_update(mean.values, mean.parameter->array(), mean.count == 1 ? 1 : share);
  }
}

void AveragedWeights::swap() {
  forget_removed();
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
    Mean* const mean = find(named.parameter);
    if (!mean) continue;
    serializer(named.path + "/average", mean->values);
    if (serializer.is_loading()) mean->count = count_;
    if (serializer.has(named.path + "/average_count")) serializer(named.path + "/average_count", mean->count);
  }
}

}  // namespace rensa
