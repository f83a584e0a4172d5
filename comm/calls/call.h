#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "comm/calls/reduce.h"
#include "core/array/dtype.h"

namespace rensa {

/// What ranks must agree on when they make a call together. Plain data: it is compared through shared memory and
/// sockets.
struct Call {
  std::array<char, 20> name{};  ///< "all_reduce", ended by zero
  std::int32_t root = -1;       ///< or the peer; -1: all ranks are alike
  std::int64_t count = 0;       ///< elements; 0 where ranks may differ
  Dtype dtype = Dtype::kUInt8;
  std::optional<Reduce> op;  ///< of reductions
  bool collective = true;    ///< false: send and recv, which other ranks need not make

  Call() = default;
  Call(std::string_view name, std::int64_t count, Dtype dtype, int root = -1);
  Call(std::string_view name, std::int64_t count, Dtype dtype, Reduce op, int root = -1);
  friend bool operator==(const Call&, const Call&) = default;

  /// A call that this rank makes with `peer` alone.
  static Call between_two(std::string_view name, std::int64_t count, Dtype dtype, int peer);
};

/// The same number for equal calls; different ones differ in all likelihood.
std::uint64_t fingerprint(const Call& call);

/// "all_reduce of 1000 float32 (3.9 KiB)": a sum; other reductions say so, "all_reduce (mean) of 1000 float32 …".
std::string describe(const Call& call);

/// "rank 2", "ranks 0 and 3", "ranks 0, 1 and 3".
std::string list_ranks(std::span<const int> ranks);

/// Empty if all ranks made one call; otherwise who differs from whom. `calls[i]` is that of rank `ranks[i]`, or of rank
/// i. Where most ranks agree the others are named first; where there is no majority, all are.
std::string describe_disagreement(std::span<const Call> calls, std::span<const int> ranks = {});

}  // namespace rensa
