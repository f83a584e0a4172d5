#pragma once

#include <vector>

#include "comm/shm/group.h"

namespace rensa::shm {

/// Collectives of long arrays among ranks that can read each other's memory (Group::can_pull): each takes what it needs
/// from where it lies. Made after the round that begins the call, in which every rank has posted its input as `in`;
/// each function ends with a round, after which the arrays are their owners' again.
class PulledCollectives {
 public:
  explicit PulledCollectives(Group& group);

  /// In place: rank r reduces part r of everybody's array, then all take the parts of the others.
  void all_reduce(const Array& data, Reduce op);
  void reduce(const Array& data, int root, Reduce op);
  void broadcast(const Array& data, int root);
  /// Rank `reader` fills `out`; everybody if it is -1.
  void gather(const Array& in, const Array& out, int reader);
  void scatter(const Array& in, const Array& out, int root);
  void all_to_all(const Array& in, const Array& out);
  void reduce_scatter(const Array& in, const Array& out, Reduce op);

 private:
  /// Reduces elements [first, first + count) of everybody's input into `to`; this rank's lie at `own`.
  void reduce_part(std::int64_t first, std::int64_t count, const std::byte* own, std::byte* to, Dtype dtype, Reduce op);

  Group& group_;
  Meeting& meeting_;
  std::vector<Address> inputs_;  ///< of each rank
};

}  // namespace rensa::shm
