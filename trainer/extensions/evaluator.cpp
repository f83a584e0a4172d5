#include "trainer/extensions/evaluator.h"

#include "core/autograd/inference_mode.h"
#include "trainer/deferred_number.h"
#include "trainer/trainer.h"

namespace rensa {

Evaluator::Evaluator(std::unique_ptr<Iterator> iterator, Classifier& model, std::string name)
    : iterator_(std::move(iterator)), model_(model), name_(std::move(name)) {}

Observation Evaluator::evaluate(Communicator& comm) {
  average_persistents(model_, comm);
  const InferenceMode scope;
  DeferredNumbers deferred;
  ObservedSum losses, right;
  iterator_->reset();
  while (const std::optional<Batch> batch = iterator_->next()) {
    if (batch->size() == 0) continue;
    const Classifier::Result result = model_(*batch);
    const auto size = static_cast<double>(batch->size());
    losses.add(deferred.observe(result.loss.array(), size));
    right.add(deferred.observe(result.accuracy, size));
  }
  const Array sums = array<double>({losses.total(), right.total(), losses.weight()});
  const double* sum = sums.data<double>();
  comm.all_reduce(sums);
  if (sum[2] == 0) return {};
  return {{name_ + "/main/loss", {sum[0] / sum[2], 1}}, {name_ + "/main/accuracy", {sum[1] / sum[2], 1}}};
}

void Evaluator::operator()(Trainer& trainer) {
  // Rank 0 speaks for all: a mean of equal numbers over three ranks might differ in the last digit.
  Observation seen = evaluate(trainer.comm());
  if (trainer.comm().rank() == 0) trainer.observation().merge(seen);
}

void average_persistents(Link& model, Communicator& comm) {
  if (comm.size() == 1) return;
  for (const Link::NamedPersistent& named : model.named_persistents()) {
    Array& value = *named.array;
    if (!value) continue;  // not made before the first batch
    if (value.dtype() != Dtype::kFloat32 && value.dtype() != Dtype::kFloat64) continue;
    const Array mean = value.to(Device{}).to(Dtype::kFloat64).copy();
    for (std::int64_t i = 0; i < mean.size(); ++i) mean.data<double>()[i] /= comm.size();
    comm.all_reduce(mean);
    value.copy_from(mean);
  }
}

}  // namespace rensa
