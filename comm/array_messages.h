#pragma once

#include <vector>

#include "comm/communicators/communicator.h"

namespace rensa {

// Arrays whose shape and dtype the receiver does not know: they travel ahead of the elements. ChainerMN's send, recv,
// bcast, gather, allgather, alltoall and scatter are these. Zero-sized arrays and arrays without axes are ordinary
// cases. All throw CommError if a rank is lost, ValueError for a missing array or a wrong number of arrays.

/// Sends `data` with its shape and dtype.
void send_array(Communicator& comm, const Array& data, int destination, int tag = 0);
/// The next array from `source` with that tag, made here in the sender's shape and dtype.
Array recv_array(Communicator& comm, int source, int tag = 0);

/// Several arrays at once, which need not be alike.
void send_arrays(Communicator& comm, const std::vector<Array>& data, int destination, int tag = 0);
/// The arrays of one send_arrays(), in its order.
std::vector<Array> recv_arrays(Communicator& comm, int source, int tag = 0);

/// Root's array on every rank; elsewhere `data` may be no array. Root's own is returned as it is.
Array broadcast_array(Communicator& comm, const Array& data, int root = 0);

/// Every rank's array, in the order of ranks.
std::vector<Array> all_gather_arrays(Communicator& comm, const Array& data);

/// The same on root; empty elsewhere.
std::vector<Array> gather_arrays(Communicator& comm, const Array& data, int root = 0);

/// Array number rank() of root's; elsewhere `data` is not looked at.
Array scatter_arrays(Communicator& comm, const std::vector<Array>& data, int root = 0);

/// Array p goes to rank p; what comes back is in the order of ranks.
std::vector<Array> all_to_all_arrays(Communicator& comm, const std::vector<Array>& data);

}  // namespace rensa
