#pragma once

#include <string>
#include <vector>

namespace rensa {

/// Which ranks hold the same model: a list of ranks for each set. The ranks that none of them names are one set more,
/// so that {{0}} is rank 0 and all others. Without any, all ranks are one set.
using ReplicaSets = std::vector<std::vector<int>>;

/// The set that a rank is in.
struct ReplicaSet {
  int index;   ///< of the set, the ranks that are not named being the last one
  int lowest;  ///< its lowest rank, which writes its file and gives it its name
};
/// Throws ValueError for an empty list, a rank that is not there, and a rank in two sets.
ReplicaSet replica_set_of(int rank, int size, const ReplicaSets& sets);

}  // namespace rensa
