#include "trainer/extensions/replica_sets.h"

#include <algorithm>
#include <cstddef>

#include "core/error.h"

namespace rensa {

ReplicaSet replica_set_of(int rank, int size, const ReplicaSets& sets) {
  const auto unnamed = static_cast<int>(sets.size());
  std::vector<int> set_of(static_cast<std::size_t>(size), unnamed);
  for (int set = 0; set < unnamed; ++set) {
    const std::vector<int>& ranks = sets[static_cast<std::size_t>(set)];
    if (ranks.empty()) throw ValueError("replica sets: set ", set, " has no rank.");
    for (const int member : ranks) {
      if (member < 0 || member >= size) {
        throw ValueError("replica sets: set ", set, " has rank ", member, ", expected 0 to ", size - 1, ".");
      }
      int& place = set_of[static_cast<std::size_t>(member)];
      if (place != unnamed) {
        throw ValueError("replica sets: rank ", member, " is in set ", place, " and in set ", set,
                         "; it holds one model.");
      }
      place = set;
    }
  }
  const int mine = set_of[static_cast<std::size_t>(rank)];
  return {mine, static_cast<int>(std::find(set_of.begin(), set_of.end(), mine) - set_of.begin())};
}

}  // namespace rensa
