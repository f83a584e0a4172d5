#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "trainer/datasets/dataset.h"

namespace rensa {

using DatasetPointer = std::shared_ptr<const Dataset>;  ///< parts keep their dataset alive

// Parts of a dataset, as views. Each throws ValueError for a count that is out of range.

/// The first `first` samples, and the rest.
std::pair<DatasetPointer, DatasetPointer> split_dataset(const DatasetPointer& dataset, std::int64_t first);
/// The same after the samples were put in a random order.
std::pair<DatasetPointer, DatasetPointer> split_dataset_random(const DatasetPointer& dataset, std::int64_t first,
                                                               std::uint64_t seed = 0);
/// `parts` of equal size; what does not divide is left out.
std::vector<DatasetPointer> split_dataset_n(const DatasetPointer& dataset, std::int64_t parts);
/// The same after the samples were put in a random order.
std::vector<DatasetPointer> split_dataset_n_random(const DatasetPointer& dataset, std::int64_t parts,
                                                   std::uint64_t seed = 0);
/// For each of `folds` parts: {the other parts, that part}. Their sizes differ by at most one.
std::vector<std::pair<DatasetPointer, DatasetPointer>> get_cross_validation_datasets(const DatasetPointer& dataset,
                                                                                     std::int64_t folds);
/// The same over the samples in a random order.
std::vector<std::pair<DatasetPointer, DatasetPointer>> get_cross_validation_datasets_random(
    const DatasetPointer& dataset, std::int64_t folds, std::uint64_t seed = 0);

/// One dataset after the other.
class ConcatenatedDataset final : public Dataset {
 public:
  /// Throws ValueError if there is none. Their fields have to be alike.
  explicit ConcatenatedDataset(std::vector<DatasetPointer> datasets);

  std::int64_t size() const override { return ends_.back(); }
  Example get(std::int64_t index, const SampleContext& context) const override;
  std::vector<FieldSpec> fields() const override { return datasets_.front()->fields(); }
  void fill(std::int64_t index, const SampleContext& context, const BatchSlot& slot) const override;

 private:
  /// The dataset that has the sample, and its number there.
  std::pair<const Dataset*, std::int64_t> place(std::int64_t index) const;
  std::vector<DatasetPointer> datasets_;
  std::vector<std::int64_t> ends_;
};

}  // namespace rensa
