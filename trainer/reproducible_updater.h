#pragma once

#include "comm/reproducible/shard_sums.h"
#include "trainer/updater.h"

namespace rensa {

/// Steps that give the same weights bit for bit on 1, 2, 4 … ranks, threads or processes, with every communicator.
///
/// Each batch is cut into a fixed number of shards, whatever the number of ranks. A shard is computed alone, with batch
/// statistics and random numbers of its own, and gradients and running statistics are summed over the shards in one
/// tree (ShardSums). What differs from StandardUpdater is therefore batch normalization, which sees a shard at a time;
/// the gradient is that of the mean loss over the batch as always.
///
/// The compute threads of a rank must be as many everywhere: set_compute_threads(comm, 1) before the first operation.
/// The global batch must be the same, too. The optimizer is a plain one, set up with the model. A step throws
/// ValueError if a MixedIterator gives it batches in which a pair of samples lies on two ranks.
class ReproducibleUpdater final : public StandardUpdater {
 public:
  /// A call on all ranks together; throws ValueError for shards that do not suit the ranks (see shard_range), a
  /// DistributedOptimizer, and batch normalization over all ranks (share_batch_statistics).
  ReproducibleUpdater(Iterator& iterator, Link& model, LossFunction loss, Optimizer& optimizer, Communicator& comm,
                      int shards, std::uint64_t seed = 0);
  ReproducibleUpdater(Iterator& iterator, Classifier& model, Optimizer& optimizer, Communicator& comm, int shards,
                      std::uint64_t seed = 0);

  /// Throws ValueError for more than one batch: give the iterator larger ones, of which a shard is computed at a time.
  void accumulate(int count) override;

  const ShardSums& sums() const { return sums_; }  ///< what sums the shards

 private:
  void add_gradients(const Batch& batch, Observation& observation) override;

  ShardSums sums_;
};

}  // namespace rensa
