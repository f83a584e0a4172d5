#include "trainer/classifier.h"

#include "core/functions/accuracy.h"

namespace rensa {

Classifier::Classifier(std::unique_ptr<UnaryLink> predictor, const functions::SoftmaxCrossEntropyOptions& options)
    : predictor_(std::move(predictor)), options_(options) {
  add("predictor", *predictor_);
}

Classifier::Result Classifier::operator()(const Batch& batch) {
  const std::vector<Parameter*> parameters = predictor_->parameters();
  const Dtype dtype = parameters.empty() ? batch.x().dtype() : parameters.front()->dtype();
  Result result;
  result.y = (*predictor_)(batch.x().to(predictor_->device()).to(dtype));
  result.loss = functions::softmax_cross_entropy(result.y, batch.t(), options_);
  result.accuracy = functions::accuracy(result.y.array(), batch.t());
  return result;
}

}  // namespace rensa
