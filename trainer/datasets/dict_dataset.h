#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "trainer/datasets/array_dataset.h"

namespace rensa {

/// Rows of arrays that have names: sample i is {column("x")[i], column("t")[i], …}, in the order in which the columns
/// were given.
class DictDataset final : public InPlaceDataset {
 public:
  using Column = std::pair<std::string, Array>;  ///< a name, and all samples of the field

  /// Throws ShapeError as ArrayDataset does, ValueError if two columns have one name.
  explicit DictDataset(std::vector<Column> columns);

  const std::vector<std::string>& names() const { return names_; }  ///< of the fields of a sample, in their order
  int field(std::string_view name) const;  ///< which field of a sample; throws ValueError that lists the names
  const Array& column(std::string_view name) const;  ///< all samples of a field; throws as field() does

  std::int64_t size() const override { return rows_.size(); }
  std::vector<FieldSpec> fields() const override { return rows_.fields(); }
  void fill(std::int64_t index, const SampleContext& context, const BatchSlot& slot) const override {
    rows_.fill(index, context, slot);
  }

 private:
  std::vector<std::string> names_;
  ArrayDataset rows_;
};

}  // namespace rensa
