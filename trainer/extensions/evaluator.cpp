#include "trainer/extensions/evaluator.h"

#include <map>

#include "core/autograd/inference_mode.h"
#include "core/error.h"
#include "trainer/rank_0_sums.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

using Sums = std::map<std::string, ObservedSum>;

/// The means over the samples of all ranks, under the same names.
Observation means(Sums& sums, Communicator& comm) {
  share_names(sums, comm);
  if (sums.empty()) return {};
  std::vector<double> numbers;
  for (const auto& [name, sum] : sums) numbers.insert(numbers.end(), {sum.total(), sum.weight()});
  const Array all = array(numbers, {std::ssize(numbers)});
  comm.all_reduce(all);
  Observation result;
  const double* number = all.data<double>();
  for (const auto& [name, sum] : sums) {
    if (number[1] > 0) result[name] = {number[0] / number[1], 1};
    number += 2;
  }
  return result;
}

}  // namespace

Evaluator::Evaluator(std::unique_ptr<Iterator> iterator, Link& model, StandardUpdater::LossFunction loss,
                     std::string name)
    : iterator_(std::move(iterator)), model_(model), loss_(std::move(loss)), name_(std::move(name)) {}

Evaluator::Evaluator(std::unique_ptr<Iterator> iterator, Classifier& model, std::string name)
    : Evaluator(
          std::move(iterator), model, [&model, this](const Batch& batch) { return classify(model, batch, deferred_); },
          std::move(name)) {}

Observation Evaluator::evaluate(Communicator& comm) {
  average_persistents(model_, comm);
  const InferenceMode scope;
  deferred_ = {};
  Sums sums;
  iterator_->reset();
  while (const std::optional<Batch> batch = iterator_->next()) {
    if (batch->size() == 0) continue;
    StandardUpdater::Loss seen = loss_(*batch);
    seen.observation["main/loss"] = deferred_.observe(seen.loss.array(), static_cast<double>(batch->size()));
    for (const auto& [name, number] : seen.observation) sums[name_ + "/" + name].add(number);
  }
  Observation seen = means(sums, comm);
  if (seen.empty()) refuse_samples(comm);  // on all ranks, or none
  return seen;
}

/// Nothing was seen of any: that is no judgement, and must not pass for one.
void Evaluator::refuse_samples(Communicator& comm) const {
  const Array samples = full({1}, static_cast<double>(iterator_->epoch_size()), Dtype::kInt64);
  comm.all_reduce(samples, Reduce::kMax);  // ranks may have datasets of their own, and some of them no samples
  const auto count = samples.item<std::int64_t>();
  if (count == 0) return;
  throw ValueError(name_, ": none of the ", count,
                   " samples can be read, so there is nothing to judge by. Repair them, ",
                   "or leave the evaluation out.");
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
