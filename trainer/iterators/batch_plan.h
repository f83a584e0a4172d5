#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "trainer/datasets/concat_examples.h"
#include "trainer/iterators/iterator.h"

namespace rensa {

/// The numbers of an epoch's samples, in their order, of a dataset of `size` samples. What it gives has to depend on
/// `seed` and `epoch` alone: then it is the same on every rank and after a restart. Numbers may be left out or come
/// several times, but there are as many in every epoch.
using OrderSampler =
    std::function<std::vector<std::int64_t>(std::int64_t size, std::uint64_t seed, std::int64_t epoch)>;

/// Options that all iterators have.
struct IteratorOptions {
  /// Samples of one step over all ranks that share the order (`size` of them): b ranks of n samples each and one rank
  /// of b * n see the same samples in the same step.
  std::int64_t batch_size = 1;
  /// Batches run on over the end of an epoch; false: one epoch, for evaluation, and the last batch may be short.
  bool repeat = true;
  /// Another sample stands in for one that cannot be read; false: it is left out of its batch, which may be empty then.
  /// Nothing: as `repeat`, so that training goes on with whole batches and nothing is judged twice.
  std::optional<bool> replace_missing = {};
  /// With repeat: each epoch ends with a batch of what is left, and the next one starts anew. Some ranks may get
  /// nothing of it.
  bool short_tail = false;
  bool shuffle = true;  ///< a new order for each epoch
  std::uint64_t seed = 0;
  /// This rank's part of each batch: neighbours, of equal number or one more or less. Without a scattered dataset.
  int rank = 0, size = 1;
  /// Samples of different shapes in one batch, filled up with that; their lengths are further fields of the batch, as
  /// concat_examples() gives them. Each rank's part is as large as its own longest sample. Nothing: one shape for all.
  Padding padding = {};
  /// Draws the order of each epoch in place of `shuffle`; an epoch is then as long as what it gives. Snapshots hold the
  /// order of the running epoch, not the function.
  OrderSampler order_sampler = {};

  bool replaces_missing() const { return replace_missing.value_or(repeat); }  ///< as said, or as it repeats
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
  /// Throws ValueError for a batch size, rank or size out of range, for an empty dataset that is to be repeated, and
  /// for an order sampler's numbers that are no samples of the dataset.
  BatchPlan(std::int64_t dataset_size, const IteratorOptions& options);

  std::optional<PlannedBatch> next();  ///< the next batch; nothing after the end of an epoch without `repeat`
  void reset();                        ///< back to the beginning of epoch 0
  const IteratorState& state() const { return state_; }  ///< where next() goes on
  void restore(const IteratorState& state);  ///< goes on from `state`; throws ValueError if it does not fit the dataset

  std::int64_t epoch_size() const { return epoch_size_; }      ///< the dataset's, or what the order sampler gives
  const IteratorOptions& options() const { return options_; }  ///< as given to the constructor

 private:
  bool has_order() const { return options_.shuffle || options_.order_sampler; }
  bool are_samples(const std::vector<std::int64_t>& order) const;
  void draw_order();
  std::vector<std::int64_t> sampled_order() const;
  std::int64_t at(std::int64_t position) const;

  std::int64_t dataset_size_, epoch_size_;
  IteratorOptions options_;
  IteratorState state_;
};

/// A random permutation of 0 … count - 1 that depends on seed and epoch alone (Fisher and Yates' shuffle).
std::vector<std::int64_t> epoch_permutation(std::int64_t count, std::uint64_t seed, std::int64_t epoch);

}  // namespace rensa
