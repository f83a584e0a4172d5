#include "comm/communicators/create_communicator.h"
#include "comm/mpi/mpi_communicator.h"
#include "core/error.h"

namespace rensa::mpi {

std::unique_ptr<Communicator> create_transport(const MpiHandle& mpi_comm, double timeout_s) {
  initialize();
  MPI_Comm duplicate = MPI_COMM_NULL;
  const MPI_Comm given = mpi_comm ? mpi_comm.as<MPI_Comm>() : MPI_COMM_WORLD;
  if (given == MPI_COMM_NULL) {
    throw ValueError("mpi_comm is MPI_COMM_NULL, expected a communicator. Ranks that are left out of it make none.");
  }
  check(MPI_Comm_dup(given, &duplicate), "MPI_Comm_dup");
  return std::make_unique<MpiCommunicator>(duplicate, timeout_s);
}

bool available() { return true; }

}  // namespace rensa::mpi
