#include "trainer/iterators/dataset_iterator.h"

#include <algorithm>

namespace rensa {
namespace {

constexpr std::int64_t kMissing = -1;  ///< in place of the number of a sample that is to be left out

void leave_out_missing(std::vector<Example>& examples, const std::vector<std::int64_t>& indices) {
  std::vector<Example> kept;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] != kMissing) kept.push_back(std::move(examples[i]));
  }
  examples = std::move(kept);
}

/// Rows of samples close up, and the arrays end after the last one.
void leave_out_missing(std::vector<Array>& fields, const std::vector<std::int64_t>& indices) {
  std::int64_t kept = 0;
  for (std::int64_t i = 0; i < std::ssize(indices); ++i) {
    if (indices[static_cast<std::size_t>(i)] == kMissing) continue;
    if (kept < i) {
      for (const Array& field : fields) field.select(0, kept).copy_from(field.select(0, i));
    }
    ++kept;
  }
  for (Array& field : fields) field = field.slice(0, {.stop = kept});
}

}  // namespace

DatasetIterator::DatasetIterator(std::shared_ptr<const Dataset> dataset, const IteratorOptions& options)
    : dataset_(std::move(dataset)), plan_(dataset_->size(), options), given_(plan_.state()) {
  if (dataset_->size() > 0) fields_ = dataset_->fields();
}

DatasetIterator::Loading DatasetIterator::begin(PlannedBatch planned) const {
  Loading loading{.planned = std::move(planned), .batch = {}};
  const std::size_t count = loading.planned.samples.size();
  if (plan_.options().padding.any()) {
    loading.examples.resize(count);
  } else {
    loading.batch.fields = make_batch_arrays(fields_, static_cast<std::int64_t>(count));
  }
  loading.batch.first = loading.planned.first;
  loading.batch.global_size = loading.planned.global_size;
  for (const PlannedSample& sample : loading.planned.samples) loading.batch.indices.push_back(sample.index);
  return loading;
}

void DatasetIterator::load(Loading& loading, std::int64_t position) const {
  const auto at = static_cast<std::size_t>(position);
  const PlannedSample& sample = loading.planned.samples[at];
  const IteratorOptions& options = plan_.options();
  const SampleContext context{.seed = options.seed, .epoch = sample.epoch, .may_replace = options.replaces_missing()};
  try {
    if (options.padding.any()) {
      loading.examples[at] = dataset_->get(sample.index, context);
    } else {
      dataset_->fill(sample.index, context, BatchSlot(loading.batch.fields, position));
    }
  } catch (const MissingSample&) {
    if (context.may_replace) throw;
    loading.batch.indices[at] = kMissing;
  }
}

void DatasetIterator::finish(Loading& loading) const {
  Batch& batch = loading.batch;
  const Padding& padding = plan_.options().padding;
  if (std::ranges::count(batch.indices, kMissing) > 0) {
    if (padding.any()) {
      leave_out_missing(loading.examples, batch.indices);
    } else {
      leave_out_missing(batch.fields, batch.indices);
    }
    std::erase(batch.indices, kMissing);
  }
  if (!padding.any()) return;
  batch.fields = loading.examples.empty() ? no_examples(fields_, padding) : concat_examples(loading.examples, padding);
  loading.examples.clear();
}

}  // namespace rensa
