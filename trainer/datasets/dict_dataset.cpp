#include "trainer/datasets/dict_dataset.h"

#include <algorithm>

#include "core/error.h"

namespace rensa {
namespace {

std::vector<std::string> names_of(const std::vector<DictDataset::Column>& columns) {
  std::vector<std::string> names;
  for (const auto& [name, array] : columns) {
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      throw ValueError("DictDataset: expected names that differ, found two columns '", name, "'.");
    }
    names.push_back(name);
  }
  return names;
}

std::vector<Array> arrays_of(const std::vector<DictDataset::Column>& columns) {
  std::vector<Array> arrays;
  for (const auto& [name, array] : columns) arrays.push_back(array);
  return arrays;
}

}  // namespace

DictDataset::DictDataset(std::vector<Column> columns) : names_(names_of(columns)), rows_(arrays_of(columns)) {}

int DictDataset::field(std::string_view name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found != names_.end()) return static_cast<int>(found - names_.begin());
  throw ValueError("DictDataset: there is no column '", name, "'; there are ", detail::list(names_), ".");
}

const Array& DictDataset::column(std::string_view name) const {
  return rows_.arrays()[static_cast<std::size_t>(field(name))];
}

}  // namespace rensa
