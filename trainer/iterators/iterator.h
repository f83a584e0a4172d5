#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/array/array.h"
#include "core/serializers/serializer.h"

namespace rensa {

/// What one rank works on in one step.
struct Batch {
  std::vector<Array> fields;  ///< usually {x (n, …), t (n)}; of padded samples their lengths, of mixed ones two more
  std::vector<std::int64_t> indices;  ///< (n): the samples' numbers in the dataset
  std::int64_t first = 0;             ///< position of the first sample in the global batch
  /// Samples of this step over all ranks: what a mean over the step divides by. Those that could not be read and were
  /// left out (IteratorOptions::replace_missing) count here too.
  std::int64_t global_size = 0;
  bool is_mixed = false;  ///< by a MixedIterator, which has put a second label and a share behind x and t

  std::int64_t size() const { return static_cast<std::int64_t>(indices.size()); }  ///< samples of this rank
  const Array& x() const { return fields.at(0); }  ///< the first field: what goes into the network
  const Array& t() const { return fields.at(1); }  ///< the second field: what should come out
};

/// Where an iterator stands: after the last batch that next() gave, not after those read ahead. Positions count the
/// samples of all ranks.
struct IteratorState {
  std::int64_t current_position = 0;  ///< inside the epoch
  std::int64_t epoch = 0;             ///< completed ones
  bool is_new_epoch = false;          ///< the last batch completed an epoch
  double previous_epoch_detail = -1;  ///< epoch_detail before the last batch; -1 before the first
  std::shared_ptr<const std::vector<std::int64_t>> order = {};  ///< of this epoch; null: as the dataset has it
};

/// Gives the batches of a dataset, epoch after epoch. Names and meaning are those of Chainer's iterators.
class Iterator {
 public:
  virtual ~Iterator() = default;

  /// The next batch; none after the end if the iterator does not repeat. How many there are follows from the plan
  /// alone, so that ranks keep in step: a batch may be empty, where a rank's part is, or where none of its samples
  /// could be read.
  virtual std::optional<Batch> next() = 0;
  /// Back to the beginning of epoch 0.
  virtual void reset() = 0;

  virtual const IteratorState& state() const = 0;  ///< where it stands after the last batch
  /// Goes on from `state` as if it had been reached here. Throws ValueError if it does not fit the dataset.
  virtual void restore(const IteratorState& state) = 0;
  /// The state under Chainer's keys (`order` only if there is one); loading ends in restore(). Snapshots of Chainer's
  /// MultithreadIterator, which calls it `_order`, load too.
  void serialize(Serializer& serializer);
  virtual std::int64_t epoch_size() const = 0;  ///< samples of an epoch over all ranks
  virtual std::int64_t batch_size() const = 0;  ///< samples of a full step over all ranks
  /// Whether it goes through data of this rank alone, as after scatter_dataset(), and knows nothing of other ranks:
  /// they have iterators of their own, with batches of the same size, and a step is made of one batch of each.
  virtual bool is_of_one_rank() const { return false; }

  std::int64_t epoch() const { return state().epoch; }        ///< epochs completed
  bool is_new_epoch() const { return state().is_new_epoch; }  ///< the last batch completed an epoch
  /// samples of the running epoch that were given, over all ranks
  std::int64_t current_position() const { return state().current_position; }
  double epoch_detail() const;  ///< epochs with the fraction of the running one
  /// epoch_detail() before the last batch; nothing before the first
  std::optional<double> previous_epoch_detail() const;
};

}  // namespace rensa
