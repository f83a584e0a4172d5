#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/array/array.h"
#include "core/error.h"

namespace rensa {

/// The fields of one sample, without a batch axis: usually {x, t}.
using Example = std::vector<Array>;

/// What a random augmentation may depend on, beside the number of the sample.
struct SampleContext {
  std::uint64_t seed = 0;
  std::int64_t epoch = 0;
  /// For one that cannot be read another sample may stand in, as suits training; false: the dataset throws
  /// MissingSample, so that nothing is judged twice.
  bool may_replace = true;
  /// Who asks has another sample stand in, of those that it is about: the dataset throws MissingSample, and the sample
  /// counts as replaced.
  bool asker_replaces = false;
};

/// A sample that cannot be read, and that no other may replace. Iterators leave it out of its batch.
using MissingSample = TypedError<struct MissingSampleKind>;

/// One field of every sample of a dataset.
struct FieldSpec {
  Shape shape;  ///< of one sample, without the batch axis; () for a class number
  Dtype dtype = Dtype::kFloat32;
  Layout layout = Layout::kRowMajor;  ///< kChannelsLast: shape is (C, H, W), memory is H, W, C
};

/// The arrays of a batch of `count` samples, elements not initialised.
std::vector<Array> make_batch_arrays(std::span<const FieldSpec> fields, std::int64_t count);

/// The place of one sample in the arrays of a batch.
class BatchSlot {
 public:
  BatchSlot(std::span<const Array> fields, std::int64_t position) : fields_(fields), position_(position) {}

  int fields() const { return static_cast<int>(fields_.size()); }  ///< how many arrays a sample has
  /// The sample's elements in the order in which they lie in memory. Throws DtypeError if T is not the field's.
  template <class T>
  std::span<T> data(int field) const {
    const Array& all = fields_[static_cast<std::size_t>(field)];
    const auto count = static_cast<std::size_t>(all.size() / all.shape()[0]);
    return {all.data<T>() + static_cast<std::size_t>(position_) * count, count};
  }
  /// Writes `value`, whatever its strides. Throws ShapeError or DtypeError if it is not what the batch expects.
  void set(int field, const Array& value) const;

 private:
  std::span<const Array> fields_;
  std::int64_t position_;
};

/// Samples by number. A dataset of one's own needs size() and get():
///
///   struct Squares : Dataset {
///     std::int64_t size() const override { return 100; }
///     Example get(std::int64_t i, const SampleContext&) const override {
///       return {array<float>({float(i)}), array<float>({float(i * i)})};
///     }
///   };
///
/// Loader threads call get() and fill() of one dataset at the same time: they must not change it without a lock. A
/// sample may depend on its number, on the context's seed and epoch, and on nothing else; then a run is the same
/// whatever the number of threads, and can be resumed.
class Dataset {
 public:
  Dataset() = default;
  Dataset(const Dataset&) = delete;
  Dataset& operator=(const Dataset&) = delete;
  virtual ~Dataset() = default;

  virtual std::int64_t size() const = 0;  ///< how many samples there are
  /// Sample number `index`; throws IndexError unless it is in [0, size()).
  virtual Example get(std::int64_t index, const SampleContext& context) const = 0;

  /// Shapes and types of the fields; from sample 0 unless a dataset knows better.
  virtual std::vector<FieldSpec> fields() const;
  /// Writes sample `index` into a batch; copies get() unless a dataset can write in place.
  virtual void fill(std::int64_t index, const SampleContext& context, const BatchSlot& slot) const;
};

/// A dataset that writes its samples in place: it says what its fields are, and fills them. get() follows from that.
class InPlaceDataset : public Dataset {
 public:
  std::vector<FieldSpec> fields() const override = 0;
  void fill(std::int64_t index, const SampleContext& context, const BatchSlot& slot) const override = 0;
  Example get(std::int64_t index, const SampleContext& context) const final;
};

/// Throws IndexError unless 0 <= index < size.
void check_sample_index(std::int64_t index, std::int64_t size);

}  // namespace rensa
