#include "trainer/datasets/sub_dataset.h"

#include <numeric>

#include "core/error.h"

namespace rensa {

SubDataset::SubDataset(std::shared_ptr<const Dataset> base, std::vector<std::int64_t> indices)
    : base_(std::move(base)), indices_(std::move(indices)) {
  for (const std::int64_t index : indices_) check_sample_index(index, base_->size());
}

std::int64_t SubDataset::in_base(std::int64_t index) const {
  check_sample_index(index, size());
  return indices_[static_cast<std::size_t>(index)];
}

/// A sample that cannot be read is replaced by the next of these, not by one of another part: of the validation set,
/// say.
template <class Read>
auto SubDataset::read_or_replace(std::int64_t index, SampleContext context, const Read& read) const {
  if (!context.may_replace) return read(in_base(index), context);
  context.may_replace = false;
  context.asker_replaces = true;
  check_sample_index(index, size());
  for (std::int64_t tries = 0;; ++tries) {
    try {
      return read(in_base((index + tries) % size()), context);
    } catch (const MissingSample& error) {
      if (tries + 1 < size()) continue;
      throw FileError(error.what(), " None of the ", size(), " samples of this part can.");
    }
  }
}

Example SubDataset::get(std::int64_t index, const SampleContext& context) const {
  return read_or_replace(index, context, [&](std::int64_t i, const SampleContext& c) { return base_->get(i, c); });
}

void SubDataset::fill(std::int64_t index, const SampleContext& context, const BatchSlot& slot) const {
  read_or_replace(index, context, [&](std::int64_t i, const SampleContext& c) { base_->fill(i, c, slot); });
}

std::vector<std::int64_t> index_range(std::int64_t first, std::int64_t count) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), first);
  return indices;
}

}  // namespace rensa
