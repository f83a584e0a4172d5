#pragma once

#include "trainer/iterators/dataset_iterator.h"

namespace rensa {

/// Loads each batch when it is asked for, on the calling thread.
class SerialIterator final : public DatasetIterator {
 public:
  SerialIterator(std::shared_ptr<const Dataset> dataset, const IteratorOptions& options)
      : DatasetIterator(std::move(dataset), options) {}

  std::optional<Batch> next() override;
  void reset() override;
  void restore(const IteratorState& state) override;
};

}  // namespace rensa
