#include "comm/sharding/zero_shards.h"

#include "core/kernels/memory.h"

namespace rensa {

std::vector<ArenaWindow> ZeroShards::windows(const ParameterArena& arena) const {
  std::vector<ArenaWindow> windows;
  for (const GradientBucket& bucket : cut_arena(arena, options_, comm_.size())) {
    const std::int64_t part = (bucket.end - bucket.begin) / comm_.size(), begin = bucket.begin + part * comm_.rank();
    windows.push_back({.begin = begin, .end = begin + part, .offset = bucket.begin / comm_.size()});
  }
  return windows;
}

Array ZeroShards::sum(const Array& mine) {
  const LoggedWait wait(waits_, mine.bytes());
  // in the order of ranks: the same bits on all
  const Array all = empty({comm_.size() * mine.size()}, mine.dtype(), mine.device());
  comm_.all_gather(mine, all);
  const Array total = zeros({mine.size()}, mine.dtype(), mine.device());
  for (int rank = 0; rank < comm_.size(); ++rank) {
    kernels::accumulate(total, all.slice(0, {.start = rank * mine.size(), .stop = (rank + 1) * mine.size()}));
  }
  return total;
}

Array ZeroShards::gather(const ParameterArena& arena, const Array& mine) {
  Array all = empty({arena.values.size()}, mine.dtype(), mine.device());
  for (const ArenaWindow& window : windows(arena)) {
    const std::int64_t part = window.end - window.begin, begin = window.offset * comm_.size();
    comm_.all_gather(mine.slice(0, {.start = window.offset, .stop = window.offset + part}),
                     all.slice(0, {.start = begin, .stop = begin + part * comm_.size()}));
  }
  return all;
}

void ZeroShards::gather_in_place(const ParameterArena& arena, const Array& all) {
  const LoggedWait wait(waits_, all.bytes() / static_cast<std::size_t>(comm_.size()));
  for (const ArenaWindow& window : windows(arena)) {
    const std::int64_t part = window.end - window.begin, begin = window.offset * comm_.size();
    comm_.all_gather(all.slice(0, {.start = window.begin, .stop = window.end}),
                     all.slice(0, {.start = begin, .stop = begin + part * comm_.size()}));
  }
}

}  // namespace rensa
