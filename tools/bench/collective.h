#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "comm/communicators/communicator.h"
#include "tools/bench/known_values.h"

namespace rensa::tools {

/// The arrays of one call on this rank; `in` or `out` is no array where the rank has none. In place they overlap as
/// nccl-tests lays them out.
struct CollectiveCall {
  Communicator& comm;
  Array in, out;
  int root;
  Reduce op;
};

/// One collective as nccl-tests measures it (its doc/PERFORMANCE.md). `count` is what its column of that name says: the
/// elements of an array, or of one rank's part where the array has a part for each rank.
struct Collective {
  enum Size { kCount, kCountPerRank };

  std::string_view name;
  Size in = kCount, out = kCount;  ///< elements on each rank
  bool in_only_on_root = false, out_only_on_root = false, result_only_on_root = false;
  bool reduces = false, has_root = false, has_in_place = true;
  double (*bus_factor)(int ranks) = nullptr;  ///< bus bandwidth over size / time
  void (*run)(const CollectiveCall& call) = nullptr;
  /// Where element i of this rank's `out` comes from.
  KnownValues::Origin (*origin)(int rank, int ranks, int root, std::int64_t count, std::int64_t i) = nullptr;

  bool has_parts() const { return in == kCountPerRank || out == kCountPerRank; }
  /// The bytes S that bandwidths count.
  std::int64_t bytes(std::int64_t count, int ranks, Dtype dtype) const;
  /// The largest count whose bytes are at most `bytes`, and at least 1.
  std::int64_t count(std::int64_t bytes, int ranks, Dtype dtype) const;
};

/// Those that communicators have: all_reduce, reduce_scatter, all_gather, broadcast, reduce, gather, scatter,
/// all_to_all, and send_recv, where every rank sends to the next one and receives from the one before.
///
/// Out of place, what a communicator only does in place (all_reduce, broadcast, reduce) includes the copy that a caller
/// would make. send_recv uses the blocking calls: even ranks send first, odd ones receive first.
std::span<const Collective> collectives();

/// Makes an array of so many elements, by a call on all ranks; `mine` is false where this rank has no use for it.
using MakeArray = std::function<Array(std::int64_t count, bool mine)>;

/// The arrays for a call, not filled.
CollectiveCall make_call(const Collective& collective, Communicator& comm, std::int64_t count, bool in_place, int root,
                         Reduce op, const MakeArray& make);

}  // namespace rensa::tools
