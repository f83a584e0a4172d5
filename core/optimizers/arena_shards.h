#pragma once

#include <cstdint>
#include <vector>

#include "core/array/array.h"

namespace rensa {

struct ParameterArena;

/// Elements [begin, end) of an arena that this process updates.
struct ArenaWindow {
  std::int64_t begin, end;
  std::int64_t offset;  ///< of its first element in arrays that hold this process' windows one after another
};

/// How arenas are divided among processes, each of which keeps the optimizer's state and makes the update for its own
/// windows only. comm implements it (comm/sharding/zero_shards.h).
class ArenaShards {
 public:
  virtual ~ArenaShards() = default;
  /// This process' windows, ascending; their borders are multiples of 16 elements. All processes' together cover the
  /// arena, and follow from its layout alone.
  virtual std::vector<ArenaWindow> windows(const ParameterArena& arena) const = 0;
  /// The length of every arena is a multiple of so many elements.
  virtual std::int64_t multiple() const = 0;

  // Calls on all processes together:
  virtual Array sum(const Array& mine) = 0;  ///< of a 1-d array over the processes; on a GPU the host need not wait
  /// The 1-d array laid out like `arena` of which every process holds its windows, one after another, in `mine`.
  virtual Array gather(const ParameterArena& arena, const Array& mine) = 0;
  /// Every process gets the others' windows of a 1-d array laid out like `arena`, such as its values.
  virtual void gather_in_place(const ParameterArena& arena, const Array& all) = 0;
};

}  // namespace rensa
