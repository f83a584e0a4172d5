#pragma once

#include <span>

#include "comm/communicators/communicator.h"

namespace rensa {

/// Rank 0 takes the sums of all ranks, the others start again at 0: afterwards the total over the ranks is what it was.
/// What is saved in the middle of a mean is saved by this, and the run goes on with it: after a resume the sums are
/// added up in the same order, which shows in their last bits. A call on all ranks together.
void move_sums_to_rank_0(Communicator& comm, std::span<double> sums);

}  // namespace rensa
