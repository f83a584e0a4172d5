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
  std::int64_t epoch_size() const override { return plan_.epoch_size(); }
  std::int64_t batch_size() const override { return plan_.options().batch_size; }
  bool is_of_one_rank() const override { return plan_.options().size == 1; }
  const Dataset& dataset() const { return *dataset_; }  ///< what it goes through

 protected:
  DatasetIterator(std::shared_ptr<const Dataset> dataset, const IteratorOptions& options);

  /// A batch on its way: begin(), load() for each of its samples, finish().
  struct Loading {
    PlannedBatch planned;
    Batch batch;
    std::vector<Example> examples = {};  ///< with padding: the shapes are known when all of them are there
  };
  Loading begin(PlannedBatch planned) const;  ///< room for the samples, where their shapes are known
  /// Loads one sample of it. Safe from several threads for different positions. One that is missing and not replaced is
  /// noted, and finish() leaves it out.
  void load(Loading& loading, std::int64_t position) const;
  void finish(Loading& loading) const;  ///< all samples are loaded: pads them, and leaves missing ones out

  std::shared_ptr<const Dataset> dataset_;
  BatchPlan plan_;
  IteratorState given_;

 private:
  std::vector<FieldSpec> fields_;
};

}  // namespace rensa
