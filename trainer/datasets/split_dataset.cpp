#include "trainer/datasets/split_dataset.h"

#include <algorithm>

#include "core/error.h"
#include "trainer/datasets/sub_dataset.h"
#include "trainer/iterators/batch_plan.h"

namespace rensa {
namespace {

using Numbers = std::vector<std::int64_t>;
using Folds = std::vector<std::pair<DatasetPointer, DatasetPointer>>;

DatasetPointer part(const DatasetPointer& dataset, Numbers numbers) {
  return std::make_shared<SubDataset>(dataset, std::move(numbers));
}

std::pair<DatasetPointer, DatasetPointer> split(const DatasetPointer& dataset, const Numbers& order,
                                                std::int64_t first) {
  if (first < 0 || first > dataset->size()) {
    throw ValueError("split_dataset: the first part would have ", first, " of ", dataset->size(), " samples.");
  }
  const auto border = order.begin() + static_cast<std::ptrdiff_t>(first);
  return {part(dataset, Numbers(order.begin(), border)), part(dataset, Numbers(border, order.end()))};
}

std::vector<DatasetPointer> equal_parts(const DatasetPointer& dataset, const Numbers& order, std::int64_t parts) {
  if (parts < 1) throw ValueError("split_dataset_n: ", parts, " parts, expected at least 1.");
  const std::int64_t size = dataset->size() / parts;
  std::vector<DatasetPointer> result;
  for (std::int64_t i = 0; i < parts; ++i) {
    const auto begin = order.begin() + static_cast<std::ptrdiff_t>(i * size);
    result.push_back(part(dataset, Numbers(begin, begin + static_cast<std::ptrdiff_t>(size))));
  }
  return result;
}

Folds folds_of(const DatasetPointer& dataset, const Numbers& order, std::int64_t folds) {
  const std::int64_t size = dataset->size();
  if (folds < 1 || folds > size)
    throw ValueError("get_cross_validation_datasets: ", folds, " folds of ", size, " samples.");
  Folds result;
  for (std::int64_t fold = 0; fold < folds; ++fold) {
    const auto begin = order.begin() + static_cast<std::ptrdiff_t>(size * fold / folds);
    const auto end = order.begin() + static_cast<std::ptrdiff_t>(size * (fold + 1) / folds);
    Numbers others(order.begin(), begin);
    others.insert(others.end(), end, order.end());
    result.emplace_back(part(dataset, std::move(others)), part(dataset, Numbers(begin, end)));
  }
  return result;
}

}  // namespace

std::pair<DatasetPointer, DatasetPointer> split_dataset(const DatasetPointer& dataset, std::int64_t first) {
  return split(dataset, index_range(0, dataset->size()), first);
}

std::pair<DatasetPointer, DatasetPointer> split_dataset_random(const DatasetPointer& dataset, std::int64_t first,
                                                               std::uint64_t seed) {
  return split(dataset, epoch_permutation(dataset->size(), seed, 0), first);
}

std::vector<DatasetPointer> split_dataset_n(const DatasetPointer& dataset, std::int64_t parts) {
  return equal_parts(dataset, index_range(0, dataset->size()), parts);
}

std::vector<DatasetPointer> split_dataset_n_random(const DatasetPointer& dataset, std::int64_t parts,
                                                   std::uint64_t seed) {
  return equal_parts(dataset, epoch_permutation(dataset->size(), seed, 0), parts);
}

Folds get_cross_validation_datasets(const DatasetPointer& dataset, std::int64_t folds) {
  return folds_of(dataset, index_range(0, dataset->size()), folds);
}

Folds get_cross_validation_datasets_random(const DatasetPointer& dataset, std::int64_t folds, std::uint64_t seed) {
  return folds_of(dataset, epoch_permutation(dataset->size(), seed, 0), folds);
}

ConcatenatedDataset::ConcatenatedDataset(std::vector<DatasetPointer> datasets) : datasets_(std::move(datasets)) {
  if (datasets_.empty()) throw ValueError("ConcatenatedDataset: expected at least one dataset.");
  std::int64_t end = 0;
  for (const DatasetPointer& dataset : datasets_) ends_.push_back(end += dataset->size());
}

std::pair<const Dataset*, std::int64_t> ConcatenatedDataset::place(std::int64_t index) const {
  check_sample_index(index, size());
  const auto at = std::upper_bound(ends_.begin(), ends_.end(), index) - ends_.begin();
  const std::int64_t begin = at == 0 ? 0 : ends_[static_cast<std::size_t>(at - 1)];
  return {datasets_[static_cast<std::size_t>(at)].get(), index - begin};
}

Example ConcatenatedDataset::get(std::int64_t index, const SampleContext& context) const {
  const auto [dataset, number] = place(index);
  return dataset->get(number, context);
}

void ConcatenatedDataset::fill(std::int64_t index, const SampleContext& context, const BatchSlot& slot) const {
  const auto [dataset, number] = place(index);
  dataset->fill(number, context, slot);
}

}  // namespace rensa
