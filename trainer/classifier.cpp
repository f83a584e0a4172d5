#include "trainer/classifier.h"

#include <optional>

#include "core/error.h"
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

Array share_of_right_answers(const Array& y, const Array& t) {
  if (is_floating(t.dtype())) {
    throw ValueError("classifier: t is ", t.dtype(), ", and accuracy counts class numbers, which are whole. Give the ",
                     "classifier an accfun of its own, or none: .accfun = nullptr.");
  }
  return F::accuracy_array(y, t);
}

Classifier::Classifier(std::unique_ptr<UnaryLink> predictor, ClassifierOptions options)
    : predictor_(std::move(predictor)), options_(std::move(options)) {
  add("predictor", *predictor_);
}

std::unique_ptr<Link> Classifier::do_clone() {
  return std::unique_ptr<Classifier>(new Classifier(rensa::clone(*predictor_), options_));
}

Array Classifier::labels(const Batch& batch, const Variable& y) const {
  const int fields = static_cast<int>(batch.fields.size());
  const int key = options_.label_key < 0 ? options_.label_key + fields : options_.label_key;
  if (key < 0 || key >= fields) {
    throw ValueError("classifier: label_key = ", options_.label_key, ", but a batch has ", fields, " fields.");
  }
  const Array& t = batch.fields[static_cast<std::size_t>(key)];
  return is_floating(t.dtype()) ? t.to(y.device()).to(y.dtype()) : t;
}

Classifier::Result Classifier::operator()(const Batch& batch) {
  const std::vector<Parameter*> parameters = predictor_->parameters();
  const Dtype dtype = parameters.empty() ? batch.x().dtype() : parameters.front()->dtype();
  Result result;
  result.y = (*predictor_)(batch.x().to(predictor_->device()).to(dtype));
  if (const std::optional<MixedLabels> mixed = mixed_labels(batch); mixed && batch.size() > 0) {
    if (options_.lossfun) {
      throw ValueError(
          "classifier: mixed samples have two labels, which softmax cross entropy alone knows what to do with. Take "
          "the mixing away, or the loss function.");
    }
    result.loss = mixed_loss(result.y, *mixed, options_.softmax);
    if (options_.accfun) result.accuracy = options_.accfun(result.y.array(), larger_labels(*mixed));
    return result;
  }
  const Array t = labels(batch, result.y);
  result.loss =
      options_.lossfun ? options_.lossfun(result.y, t) : F::softmax_cross_entropy(result.y, t, options_.softmax);
  if (options_.accfun) result.accuracy = options_.accfun(result.y.array(), t);
  return result;
}

}  // namespace rensa
