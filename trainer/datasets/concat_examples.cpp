#include "trainer/datasets/concat_examples.h"

#include <algorithm>

#include "core/error.h"

namespace rensa {
namespace {

bool has_lengths(const std::optional<double>& padding, int ndim) { return padding && ndim > 0; }

/// Throws unless every sample has the fields of the first one.
void check_alike(std::span<const Example> samples, const Padding& padding) {
  const Example& first = samples.front();
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (samples[i].size() != first.size()) {
      throw ShapeError("batch: the sample at position ", i, " has ", samples[i].size(),
                       " fields, but the first one has ", first.size(), ".");
    }
    for (std::size_t field = 0; field < first.size(); ++field) {
      const Array &one = first[field], &other = samples[i][field];
      if (other.dtype() != one.dtype()) {
        throw DtypeError("batch: field ", field, " of the sample at position ", i, " is ", other.dtype(),
                         ", but the first one's is ", one.dtype(),
                         ". All samples of a dataset must have the same types.");
      }
      const bool padded = padding.of(field, first.size()).has_value();
      if (padded ? other.ndim() == one.ndim() : other.shape() == one.shape()) continue;
      throw ShapeError("batch: field ", field, " of the sample at position ", i, " has shape ", other.shape(),
                       ", but the first one's has ", one.shape(),
                       padded ? ". Padding needs the same number of axes."
                              : ". Give a padding (IteratorOptions::padding), or bring the samples to one shape.");
    }
  }
}

/// Room for one field of all samples, filled with the padding.
Array room_for(std::span<const Example> samples, std::size_t field, const std::optional<double>& padding) {
  Shape shape = samples.front()[field].shape();
  const Dtype dtype = samples.front()[field].dtype();
  bool differ = false;
  for (const Example& sample : samples) {
    for (int axis = 0; axis < shape.ndim(); ++axis) {
      differ = differ || sample[field].shape()[axis] != shape[axis];
      shape[axis] = std::max(shape[axis], sample[field].shape()[axis]);
    }
  }
  shape.insert(0, std::ssize(samples));
  return differ ? full(shape, *padding, dtype) : empty(shape, dtype);
}

Array concat_field(std::span<const Example> samples, std::size_t field, const std::optional<double>& padding) {
  const Array all = room_for(samples, field, padding);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const Array& value = samples[i][field];
    Array place = all.select(0, static_cast<std::int64_t>(i));
    for (int axis = 0; axis < value.ndim(); ++axis)
      place = place.slice(axis, {.start = 0, .stop = value.shape()[axis]});
    place.copy_from(value);
  }
  return all;
}

Array lengths_of(std::span<const Example> samples, std::size_t field) {
  std::vector<std::int64_t> lengths;
  for (const Example& sample : samples) lengths.push_back(sample[field].shape()[0]);
  return array(lengths, {std::ssize(lengths)});
}

}  // namespace

std::optional<double> Padding::of(std::size_t field, std::size_t fields) const {
  if (each_.empty()) return everywhere_;
  if (each_.size() == fields) return each_[field];
  throw ValueError("padding: there are values for ", each_.size(), " fields, but a sample has ", fields,
                   ". Give one number for all of them, or one for each.");
}

std::vector<Array> concat_examples(std::span<const Example> samples, const Padding& padding, Device device) {
  if (samples.empty()) throw ValueError("concat_examples: there are no samples; expected one or more.");
  check_alike(samples, padding);
  const std::size_t fields = samples.front().size();
  std::vector<Array> batch, lengths;
  for (std::size_t field = 0; field < fields; ++field) {
    const std::optional<double> value = padding.of(field, fields);
    batch.push_back(concat_field(samples, field, value).to(device));
    if (has_lengths(value, samples.front()[field].ndim())) lengths.push_back(lengths_of(samples, field));
  }
  batch.insert(batch.end(), lengths.begin(), lengths.end());
  return batch;
}

std::vector<Array> no_examples(std::span<const FieldSpec> fields, const Padding& padding) {
  std::vector<Array> batch = make_batch_arrays(fields, 0);
  for (std::size_t field = 0; field < fields.size(); ++field) {
    if (has_lengths(padding.of(field, fields.size()), fields[field].shape.ndim()))
      batch.push_back(zeros({0}, Dtype::kInt64));
  }
  return batch;
}

std::vector<Array> without_padding(const Array& field, const Array& lengths) {
  const std::int64_t samples = field.ndim() > 1 ? field.shape()[0] : -1;
  if (lengths.dtype() != Dtype::kInt64 || lengths.shape() != Shape{samples}) {
    throw ShapeError("without_padding: the field is ", field.shape(), " and the lengths are ", lengths.dtype(), " ",
                     lengths.shape(), "; expected (n, longest, …) and int64 (n).");
  }
  const std::vector<std::int64_t> numbers = to_vector<std::int64_t>(lengths);
  std::vector<Array> rows;
  for (std::int64_t i = 0; i < samples; ++i) {
    const std::int64_t length = numbers[static_cast<std::size_t>(i)];
    if (length < 0 || length > field.shape()[1]) {
      throw ShapeError("without_padding: sample ", i, " has the length ", length, ", but the field is ", field.shape(),
                       ".");
    }
    rows.push_back(field.select(0, i).slice(0, {.start = 0, .stop = length}));
  }
  return rows;
}

}  // namespace rensa
