#pragma once

#include <cstdint>

#include "comm/communicators/communicator.h"

namespace rensa {

/// Positions [begin, end).
struct IndexRange {
  std::int64_t begin, end;
};

/// The part of [0, count) that belongs to a rank: contiguous, sizes differ by at most one, larger parts first. Together
/// the parts cover every index exactly once.
IndexRange scatter_index(std::int64_t count, const Communicator& comm);

}  // namespace rensa
