#pragma once

#include "comm/communicators/communicator.h"
#include "comm/gradients/gradient_bucket.h"
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

  /// Every rank gets the others' windows of a 1-d array laid out like `arena`, such as its values. A call on all ranks
  /// together.
  void gather_in_place(const ParameterArena& arena, const Array& all);

 private:
  Communicator& comm_;
  const ReducerOptions options_;
};

}  // namespace rensa
