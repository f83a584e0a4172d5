#pragma once

#include <cstddef>

#include "comm/communicators/communicator.h"

namespace rensa {

/// Replaces `data` (1-d, contiguous, floating) on every rank by the sum over the ranks, taken two by two in one binary
/// tree (see ShardRange): the same bits with every communicator, which only moves bytes (all_to_all, then all_gather,
/// as much as a ring moves). Works in pieces of `piece_bytes`; needs room for two of them.
void tree_all_reduce(Communicator& comm, const Array& data, std::size_t piece_bytes = std::size_t{4} << 20);

/// rows[0] becomes the sum of all rows, in the same tree; the others are overwritten. rows (n, …), contiguous.
void tree_sum_rows(const Array& rows);

}  // namespace rensa
