#include "comm/communicators/create_communicator.h"
#include "comm/mpi/mpi_communicator.h"

namespace rensa::mpi {

std::unique_ptr<Communicator> create_transport(const void* mpi_comm, double timeout_s) {
  initialize();
  MPI_Comm duplicate = MPI_COMM_NULL;
  const MPI_Comm given = mpi_comm ? *static_cast<const MPI_Comm*>(mpi_comm) : MPI_COMM_WORLD;
  check(MPI_Comm_dup(given, &duplicate), "MPI_Comm_dup");
  return std::make_unique<MpiCommunicator>(duplicate, timeout_s);
}

bool available() { return true; }

}  // namespace rensa::mpi
