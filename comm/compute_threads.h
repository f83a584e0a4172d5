#pragma once

#include "comm/communicators/communicator.h"

namespace rensa {

/// The cores this process may run on divided by the ranks of the node that share them, at least 1. A call on all ranks
/// together.
int cores_of_rank(Communicator& comm);

/// Sets how many threads this rank computes with: `wanted` if it is above 0, otherwise cores_of_rank(). A call
/// on all ranks together. Returns the number.
///
/// OMP_NUM_THREADS, where set, counts as wanted.
int set_compute_threads(Communicator& comm, int wanted = 0);

}  // namespace rensa
