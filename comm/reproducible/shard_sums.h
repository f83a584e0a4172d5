#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "comm/gradients/gradient_reducer.h"
#include "comm/reproducible/shard_range.h"
#include "core/links/link.h"
#include "core/optimizers/optimizer.h"

namespace rensa {

/// Sums gradients and running statistics over the shards of a step in one binary tree (see ShardRange): the same bits
/// on any number of ranks, with every communicator.
///
///   ShardSums sums(model, optimizer, comm, 8);
///   sums.begin_step();
///   for (int shard : this rank's) { sums.begin_shard(); loss.backward({.loss_scale = share}); sums.end_shard(share); }
///   sums.finish_step();                                  // then optimizer.update()
///
/// Each shard starts with the step's weights and persistent values and writes its gradients into a buffer of its own,
/// so that nothing depends on which shards a rank had before. Keeps log2(shards of this rank) + 1 buffers of the
/// gradients' size.
class ShardSums {
 public:
  /// The model is set up with the optimizer, which no DistributedOptimizer wraps. Gives all ranks the weights and
  /// persistent values of rank 0: a call on all ranks together. Throws ValueError for a number of shards that does not
  /// suit the ranks, a DistributedOptimizer, and batch normalization over all ranks.
  ShardSums(Link& model, Optimizer& optimizer, Communicator& comm, int shards);

  const ShardRange& range() const { return range_; }  ///< the shards that this rank computes

  void begin_step();   ///< remembers the persistent values, with which each shard is to start
  void begin_shard();  ///< what backward() gives from now on is the next shard's, in a buffer of its own
  /// `share`: the shard's part of the step's samples, the weight of its running statistics.
  void end_shard(double share);
  /// Every gradient is the sum over all shards, in its arena; floating persistent values are the weighted means of what
  /// the shards left, whole numbers the largest. A call on all ranks together. Throws GraphError if parameters took
  /// their shape during the step: all of them need one before.
  void finish_step();

  /// How the sums between ranks fared in the last step: one for each arena; empty for one rank alone.
  std::vector<BucketTimes> last_times() const { return times_; }

 private:
  /// A branch of the tree: the gradients of some shards, an array an arena, and their persistent values as one array.
  struct Branch {
    std::vector<Array> gradients;
    Array persistents;
    int level = 0;
  };
  void send_gradients_to(const Branch& branch);
  void merge_last_two();
  Branch take_buffer();
  void check_arenas() const;

  Link& model_;
  Optimizer& optimizer_;
  Communicator& comm_;
  const ShardRange range_;
  std::vector<const void*> arenas_;       ///< where the gradients lay at construction
  std::vector<Array*> floating_, whole_;  ///< the model's persistent values
  std::vector<Array> before_;             ///< their values at the start of the step, floating ones first
  std::vector<std::int64_t> counts_;      ///< the largest of the whole ones so far
  std::int64_t floating_size_ = 0;
  std::vector<Branch> branches_;  ///< of the running step, smallest last
  std::vector<Branch> free_;
  std::vector<BucketTimes> times_;
};

}  // namespace rensa
