#pragma once

#include <mpi.h>

#include "comm/communicators/communicator.h"

namespace rensa::mpi {

/// All-reduce of a long array between nodes: parts travel around the ring, first summed on the way, then copied, so
/// that each rank sends 2 (size - 1) / size of the array, the least there is. Parts go in segments, each sent on as
/// soon as it is there. While nothing has arrived the calling thread sleeps instead of polling: the cores belong to
/// backward. The same bits on every rank. No messages of the program travel on `comm`. Source: Patarasuk, Yuan,
/// "Bandwidth optimal all-reduce algorithms for clusters of workstations", 2009.
void ring_all_reduce(const Array& data, Reduce op, MPI_Comm comm);

}  // namespace rensa::mpi
