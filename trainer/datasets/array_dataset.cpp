#include "trainer/datasets/array_dataset.h"

#include "core/error.h"

namespace rensa {

ArrayDataset::ArrayDataset(std::vector<Array> arrays) : arrays_(std::move(arrays)) {
  if (arrays_.empty()) throw ShapeError("ArrayDataset: needs at least one array.");
  for (const Array& array : arrays_) {
    if (array.ndim() == 0) throw ShapeError("ArrayDataset: a scalar has no axis to take samples from.");
    if (array.shape()[0] != arrays_.front().shape()[0]) {
      throw ShapeError(
          "ArrayDataset: the first axis counts the samples, and must be the same everywhere; found shapes ",
          arrays_.front().shape(), " and ", array.shape(), ".");
    }
  }
}

std::vector<FieldSpec> ArrayDataset::fields() const {
  std::vector<FieldSpec> specs;
  for (const Array& array : arrays_) {
    Shape shape = array.shape();
    shape.erase(0);
    const bool picture = array.ndim() == 4 && array.layout() == Layout::kChannelsLast;
    specs.push_back({shape, array.dtype(), picture ? Layout::kChannelsLast : Layout::kRowMajor});
  }
  return specs;
}

void ArrayDataset::fill(std::int64_t index, const SampleContext&, const BatchSlot& slot) const {
  check_sample_index(index, size());
  for (int i = 0; i < slot.fields(); ++i) slot.set(i, arrays_[static_cast<std::size_t>(i)].select(0, index));
}

}  // namespace rensa
