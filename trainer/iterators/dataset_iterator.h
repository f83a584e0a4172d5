#pragma once

#include <memory>

#include "trainer/datasets/dataset.h"
#include "trainer/iterators/batch_plan.h"
#include "trainer/iterators/iterator.h"

namespace rensa {

/// Common to the iterators over a Dataset: the plan, and the state after the last batch that was given out.
class DatasetIterator : public Iterator {
 public:
  const IteratorState& state() const override { return given_; }
  std::int64_t epoch_size() const override { return plan_.dataset_size(); }
  std::int64_t batch_size() const override { return plan_.options().batch_size; }
  const Dataset& dataset() const { return *dataset_; }  ///< what it goes through

 protected:
  DatasetIterator(std::shared_ptr<const Dataset> dataset, const IteratorOptions& options);

  /// The arrays of a planned batch, not filled.
  Batch allocate(const PlannedBatch& planned) const;
  /// Loads one sample of it. Safe from several threads for different positions.
  void load(const PlannedBatch& planned, const Batch& batch, std::int64_t position) const;

  std::shared_ptr<const Dataset> dataset_;
  BatchPlan plan_;
  IteratorState given_;

 private:
  std::vector<FieldSpec> fields_;
};

}  // namespace rensa
