#pragma once

#include <vector>

#include "trainer/datasets/dataset.h"

namespace rensa {

/// Rows of arrays: sample i is {arrays[0][i], arrays[1][i], …}. The arrays stay where they are and are shared.
class ArrayDataset final : public InPlaceDataset {
 public:
  /// Throws ShapeError if there is no array, one has no axis, or their first axes differ.
  explicit ArrayDataset(std::vector<Array> arrays);

  const std::vector<Array>& arrays() const { return arrays_; }  ///< all samples of each field
  std::int64_t size() const override { return arrays_.front().shape()[0]; }
  std::vector<FieldSpec> fields() const override;
  void fill(std::int64_t index, const SampleContext& context, const BatchSlot& slot) const override;

 private:
  std::vector<Array> arrays_;
};

}  // namespace rensa
