#include "trainer/datasets/sub_dataset.h"

#include <numeric>

namespace rensa {

SubDataset::SubDataset(std::shared_ptr<const Dataset> base, std::vector<std::int64_t> indices)
    : base_(std::move(base)), indices_(std::move(indices)) {
  for (const std::int64_t index : indices_) check_sample_index(index, base_->size());
}

std::int64_t SubDataset::in_base(std::int64_t index) const {
  check_sample_index(index, size());
  return indices_[static_cast<std::size_t>(index)];
}

Example SubDataset::get(std::int64_t index, const SampleContext& context) const {
  return base_->get(in_base(index), context);
}

void SubDataset::fill(std::int64_t index, const SampleContext& context, const BatchSlot& slot) const {
  base_->fill(in_base(index), context, slot);
}

std::vector<std::int64_t> index_range(std::int64_t first, std::int64_t count) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), first);
  return indices;
}

}  // namespace rensa
