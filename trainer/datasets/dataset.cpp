#include "trainer/datasets/dataset.h"

#include "core/error.h"

namespace rensa {

std::vector<Array> make_batch_arrays(std::span<const FieldSpec> fields, std::int64_t count) {
  std::vector<Array> arrays;
  arrays.reserve(fields.size());
  for (const FieldSpec& field : fields) {
    Shape shape = field.shape;
    shape.insert(0, count);
    arrays.push_back(empty(shape, field.dtype, {}, field.layout));
  }
  return arrays;
}

void BatchSlot::set(int field, const Array& value) const {
  const Array place = fields_[static_cast<std::size_t>(field)].select(0, position_);
  if (value.dtype() != place.dtype()) {
    throw DtypeError("batch: field ", field, " of a sample is ", value.dtype(), ", but the first sample's is ",
                     place.dtype(), ". All samples of a dataset must have the same types.");
  }
  if (!(value.shape() == place.shape())) {
    throw ShapeError("batch: field ", field, " of a sample has shape ", value.shape(), ", but the first sample's has ",
                     place.shape(),
                     ". Give the iterator a padding (IteratorOptions::padding), or bring the samples to one shape.");
  }
  place.copy_from(value);
}

std::vector<FieldSpec> Dataset::fields() const {
  std::vector<FieldSpec> specs;
  for (const Array& value : get(0, {})) {
    specs.push_back({value.shape(), value.dtype(), Layout::kRowMajor});
  }
  return specs;
}

void Dataset::fill(std::int64_t index, const SampleContext& context, const BatchSlot& slot) const {
  const Example example = get(index, context);
  if (static_cast<int>(example.size()) != slot.fields()) {
    throw ShapeError("batch: sample ", index, " has ", example.size(), " fields, but the first sample has ",
                     slot.fields(), ".");
  }
  for (int i = 0; i < slot.fields(); ++i) slot.set(i, example[static_cast<std::size_t>(i)]);
}

Example InPlaceDataset::get(std::int64_t index, const SampleContext& context) const {
  const std::vector<FieldSpec> specs = fields();
  const std::vector<Array> batch = make_batch_arrays(specs, 1);
  fill(index, context, BatchSlot(batch, 0));
  Example example;
  for (const Array& field : batch) example.push_back(field.select(0, 0));
  return example;
}

void check_sample_index(std::int64_t index, std::int64_t size) {
  if (index < 0 || index >= size) {
    throw IndexError("dataset: sample ", index, " was asked for, but there are ", size, " samples (0 to ", size - 1,
                     ").");
  }
}

}  // namespace rensa
