#include <algorithm>
#include <span>
#include <vector>

#include "comm/mpi/mpi_communicator.h"
#include "comm/mpi/pieces.h"
#include "comm/shm/direct_reduction.h"

// Reductions that MPI has no type for (float16, bfloat16) or no operation (a mean; a maximum or minimum that keeps
// NaN): MPI moves bytes, and the ranks reduce. Rank r gets every rank's part r as it is; 16 bits are reduced in float32
// and rounded once.

namespace rensa {

using mpi::bytes_at;

/// Behind that the results are gathered: as many bytes travel as in a ring.
void MpiCommunicator::all_reduce_here(const Array& data, Reduce op) {
  const std::int64_t part = (data.size() + size() - 1) / size();
  const Array parts = zeros({size(), part}, data.dtype());
  std::copy_n(bytes_at(data, 0), data.bytes(), bytes_at(parts, 0));
  const Array mine = parts.select(0, rank());
  reduce_scatter_here(parts, mine, op);
  do_all_gather(mine, parts);
  std::copy_n(bytes_at(parts, 0), data.bytes(), bytes_at(data, 0));
}

void MpiCommunicator::reduce_scatter_here(const Array& in, const Array& out, Reduce op) {
  const Array received = empty({size(), out.size()}, in.dtype());
  do_all_to_all(in, received);
  std::vector<const void*> inputs;
  for (int r = 0; r < size(); ++r) inputs.push_back(bytes_at(received, r * out.size()));
  void* const output = out.raw_data();
  shm::reduce_directly(inputs, std::span(&output, 1), 0, out.size(), out.dtype(), op);
}

}  // namespace rensa
