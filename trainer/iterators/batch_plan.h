#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "trainer/iterators/iterator.h"

namespace rensa {

/// Options that all iterators have.
struct IteratorOptions {
  /// Samples of one step over all ranks that share the order (`size` of them): b ranks of n samples each and one rank
  /// of b * n see the same samples in the same step.
  std::int64_t batch_size = 1;
  bool repeat = true;  ///< batches run on over the end of an epoch; false: one epoch, the last batch may be short
  /// With repeat: each epoch ends with a batch of what is left, and the next one starts anew. Some ranks may get
  /// nothing of it.
  bool short_tail = false;
  bool shuffle = true;  ///< a new order for each epoch
  std::uint64_t seed = 0;
  /// This rank's part of each batch: neighbours, of equal number or one more or less. Without a scattered dataset.
  int rank = 0, size = 1;
};

/// One sample to load.
struct PlannedSample {
  std::int64_t index = 0, epoch = 0;
};

/// One batch to load.
struct PlannedBatch {
  std::vector<PlannedSample> samples;  ///< this rank's
  std::int64_t first = 0, global_size = 0;
  IteratorState after;
};

/// Which samples come when: the order of a dataset without its contents. The order of an epoch depends on (seed, epoch)
/// alone, so it is the same on every rank, for any number of ranks and threads, and after a restart.
class BatchPlan {
 public:
  /// Throws ValueError for a batch size, rank or size out of range, and for an empty dataset that is to be repeated.
  BatchPlan(std::int64_t dataset_size, const IteratorOptions& options);

  std::optional<PlannedBatch> next();  ///< the next batch; nothing after the end of an epoch without `repeat`
  void reset();                        ///< back to the beginning of epoch 0
  const IteratorState& state() const { return state_; }  ///< where next() goes on
  void restore(const IteratorState& state);  ///< goes on from `state`; throws ValueError if it does not fit the dataset

  /// As given to the constructor.
  /// @{
  std::int64_t dataset_size() const { return dataset_size_; }
  const IteratorOptions& options() const { return options_; }
  /// @}

 private:
  void draw_order();
  std::int64_t at(std::int64_t position) const;

  std::int64_t dataset_size_;
  IteratorOptions options_;
  IteratorState state_;
};

/// A random permutation of 0 … count - 1 that depends on seed and epoch alone (Fisher and Yates' shuffle).
std::vector<std::int64_t> epoch_permutation(std::int64_t count, std::uint64_t seed, std::int64_t epoch);

}  // namespace rensa
