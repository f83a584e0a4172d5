#pragma once

#include <memory>
#include <vector>

#include "trainer/datasets/dataset.h"

namespace rensa {

/// The samples `indices` of another dataset, in that order: a view that holds numbers only. Makes parts of a dataset
/// (train and held-out; one rank's share). A sample keeps the augmentation of its number in the whole dataset.
class SubDataset final : public Dataset {
 public:
  /// Throws IndexError if an index is not one of `base`'s.
  SubDataset(std::shared_ptr<const Dataset> base, std::vector<std::int64_t> indices);

  std::int64_t size() const override { return static_cast<std::int64_t>(indices_.size()); }
  Example get(std::int64_t index, const SampleContext& context) const override;
  std::vector<FieldSpec> fields() const override { return base_->fields(); }
  void fill(std::int64_t index, const SampleContext& context, const BatchSlot& slot) const override;

 private:
  std::int64_t in_base(std::int64_t index) const;
  template <class Read>
  auto read_or_replace(std::int64_t index, SampleContext context, const Read& read) const;

  std::shared_ptr<const Dataset> base_;
  std::vector<std::int64_t> indices_;
};

/// The numbers first, first + 1, … of `count` samples, for a SubDataset of neighbours.
std::vector<std::int64_t> index_range(std::int64_t first, std::int64_t count);

}  // namespace rensa
