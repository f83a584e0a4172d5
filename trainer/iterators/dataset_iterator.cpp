#include "trainer/iterators/dataset_iterator.h"

namespace rensa {

DatasetIterator::DatasetIterator(std::shared_ptr<const Dataset> dataset, const IteratorOptions& options)
    : dataset_(std::move(dataset)), plan_(dataset_->size(), options), given_(plan_.state()) {
  if (dataset_->size() > 0) fields_ = dataset_->fields();
}

Batch DatasetIterator::allocate(const PlannedBatch& planned) const {
  Batch batch;
  batch.fields = make_batch_arrays(fields_, static_cast<std::int64_t>(planned.samples.size()));
  batch.first = planned.first;
  batch.global_size = planned.global_size;
  for (const PlannedSample& sample : planned.samples) batch.indices.push_back(sample.index);
  return batch;
}

void DatasetIterator::load(const PlannedBatch& planned, const Batch& batch, std::int64_t position) const {
  const PlannedSample& sample = planned.samples[static_cast<std::size_t>(position)];
  dataset_->fill(sample.index, {plan_.options().seed, sample.epoch}, BatchSlot(batch.fields, position));
}

}  // namespace rensa
