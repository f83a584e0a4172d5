#include "comm/reproducible/shard_range.h"

#include <bit>

#include "core/error.h"

namespace rensa {

ShardRange shard_range(int shards, const Communicator& comm) {
  const int ranks = comm.size();
  const bool fits = shards > 0 && shards % ranks == 0 && std::has_single_bit(static_cast<unsigned>(shards / ranks));
  if (fits) return {.shards = shards, .first = shards / ranks * comm.rank(), .count = shards / ranks};
  std::string possible;
  for (int n = 1; n <= shards; ++n) {
    if (shards % n == 0 && std::has_single_bit(static_cast<unsigned>(shards / n))) {
      possible += (possible.empty() ? "" : ", ") + std::to_string(n);
    }
  }
  throw ValueError("reproducible: ", shards, " shards cannot lie on ", ranks,
                   " ranks with 1, 2, 4 … whole ones on each. ",
                   possible.empty() ? "Expected at least 1 shard." : "Possible numbers of ranks: " + possible + ".");
}

}  // namespace rensa
