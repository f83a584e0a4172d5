#include "trainer/classifier.h"

#include <optional>

#include "core/functions/accuracy.h"
#include "core/functions/arithmetic.h"
#include "core/functions/reduction.h"
#include "trainer/iterators/mixed_iterator.h"

namespace rensa {
namespace {

namespace F = functions;

/// The label of each sample that has the larger share in it.
Array larger_labels(const MixedLabels& labels) {
  const Array larger = labels.own.copy(), share = labels.share.to(Device{});
  for (std::int64_t i = 0; i < larger.size(); ++i) {
    if (share.data<float>()[i] < 0.5f) larger.data<std::int32_t>()[i] = labels.other.data<std::int32_t>()[i];
  }
  return larger;
}

Variable mixed_loss(const Variable& y, const MixedLabels& labels, F::SoftmaxCrossEntropyOptions options) {
  options.reduce = F::LossReduce::kNone;
  const Variable own = F::softmax_cross_entropy(y, labels.own, options);
  const Variable other = F::softmax_cross_entropy(y, labels.other, options);
  const Variable share = labels.share.to(own.device()).to(own.dtype());
  return F::mean(other + share * (own - other));
}

}  // namespace

Classifier::Classifier(std::unique_ptr<UnaryLink> predictor, const functions::SoftmaxCrossEntropyOptions& options)
    : predictor_(std::move(predictor)), options_(options) {
  add("predictor", *predictor_);
}

Classifier::Result Classifier::operator()(const Batch& batch) {
  const std::vector<Parameter*> parameters = predictor_->parameters();
  const Dtype dtype = parameters.empty() ? batch.x().dtype() : parameters.front()->dtype();
  Result result;
  result.y = (*predictor_)(batch.x().to(predictor_->device()).to(dtype));
  if (const std::optional<MixedLabels> labels = mixed_labels(batch); labels && batch.size() > 0) {
    result.loss = mixed_loss(result.y, *labels, options_);
    result.accuracy = F::accuracy_array(result.y.array(), larger_labels(*labels));
    return result;
  }
  result.loss = functions::softmax_cross_entropy(result.y, batch.t(), options_);
  result.accuracy = functions::accuracy_array(result.y.array(), batch.t());
  return result;
}

}  // namespace rensa
