#pragma once

#include "comm/shm/group.h"

namespace rensa::shm {

/// Collectives of ranks that cannot address each other's arrays: pieces pass through the staging areas. Each function
/// follows the round that begins the call, and makes as many further rounds as there are pieces.
class StagedCollectives {
 public:
  explicit StagedCollectives(Group& group) : group_(group), meeting_(group.meeting()) {}

  /// Only the ranks that `keep` get the result written to `data`.
  void all_reduce(const Array& data, Reduce op, bool keep);
  void broadcast(const Array& data, int root);
  /// Rank `reader` fills `out`; everybody if it is -1.
  void gather(const Array& in, const Array& out, int reader);
  void scatter(const Array& in, const Array& out, int root);
  void all_to_all(const Array& in, const Array& out);
  void reduce_scatter(const Array& in, const Array& out, Reduce op);

 private:
  struct Pieces;  ///< how many elements of a size fit an area, and how many pieces that makes

  std::byte* mine() const { return group_.staging(meeting_.rank(), meeting_.parity()); }
  const std::byte* theirs(int r) const { return group_.staging(r, meeting_.met_parity()); }

  Group& group_;
  Meeting& meeting_;
};

}  // namespace rensa::shm
