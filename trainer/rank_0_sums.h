#pragma once

#include <map>
#include <span>
#include <string>

#include "comm/communicators/communicator.h"
#include "trainer/observation.h"

namespace rensa {

/// Rank 0 takes the sums of all ranks, the others start again at 0: afterwards the total over the ranks is what it was.
/// What is saved in the middle of a mean is saved by this, and the run goes on with it: after a resume the sums are
/// added up in the same order, which shows in their last bits. A call on all ranks together.
void move_sums_to_rank_0(Communicator& comm, std::span<double> sums);

/// Names that only other ranks have a sum under (a rank without samples saw none) are added without one: all ranks have
/// the same names then, in one order. A call on all ranks together.
void share_names(std::map<std::string, ObservedSum>& sums, Communicator& comm);

}  // namespace rensa
