#pragma once

#include "comm/communicators/communicator.h"
#include "comm/gradients/gradient_bucket.h"
#include "comm/wait_log.h"
#include "core/optimizers/arena_shards.h"

namespace rensa {

/// ZeRO's division: rank r updates part number r of every bucket, the part that a reduce-scatter brings it.
/// Source: Rajbhandari et al., "ZeRO: memory optimizations toward training trillion parameter models", 2020.
class ZeroShards final : public ArenaShards {
 public:
  /// `comm` must outlive this object.
  ZeroShards(Communicator& comm, const ReducerOptions& options) : comm_(comm), options_(options) {}

  std::vector<ArenaWindow> windows(const ParameterArena& arena) const override;
  std::int64_t multiple() const override { return 16 * static_cast<std::int64_t>(comm_.size()); }
  Array sum(const Array& mine) override;
  Array gather(const ParameterArena& arena, const Array& mine) override;
  void gather_in_place(const ParameterArena& arena, const Array& all) override;

  /// The calls of gather_in_place() and sum(), which steps make. Those of gather() are not in it: they are made for
  /// snapshots, and when parameters have come or gone.
  const WaitLog& waits() const { return waits_; }

 private:
  Communicator& comm_;
  const ReducerOptions options_;
  WaitLog waits_;
};

}  // namespace rensa
