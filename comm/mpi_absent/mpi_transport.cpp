#include "comm/communicators/create_communicator.h"
#include "core/error.h"

namespace rensa::mpi {

std::unique_ptr<Communicator> create_transport(const MpiHandle& /*mpi_comm*/, double /*timeout_s*/) {
  throw CommError("this Rensa was built without MPI. Install an MPI and configure with -DRENSA_WITH_MPI=ON.");
}

bool available() { return false; }

}  // namespace rensa::mpi
