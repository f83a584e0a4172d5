#pragma once

#include <cstdint>

#include "comm/communicators/communicator.h"

namespace rensa {

/// The shards that a rank computes, of a fixed number into which every batch is cut: neighbours.
///
/// Sums over shards are taken in one binary tree, whoever computes them: 0 + 1, 2 + 3 …, then those sums two by two;
/// where the number is odd, the last one passes to the next level as it is. A rank's shards are a whole branch of that
/// tree.
struct ShardRange {
  int shards = 1;            ///< of the batch
  int first = 0, count = 1;  ///< of this rank

  /// Positions [begin, end) in the global batch.
  struct Samples {
    std::int64_t begin, end;
  };
  /// The samples of one shard in a global batch: equal numbers, or one more or less; the same for any number of ranks.
  Samples samples(int shard, std::int64_t global_size) const {
    return {global_size * shard / shards, global_size * (shard + 1) / shards};
  }
};

/// Throws ValueError unless each rank gets as many shards as the others, 1, 2, 4, 8 …: with 8 shards 1, 2, 4 or 8
/// ranks, with 12 shards 3, 6 or 12.
ShardRange shard_range(int shards, const Communicator& comm);

}  // namespace rensa
