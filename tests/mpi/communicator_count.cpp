#include "tests/mpi/communicator_count.h"

#include <mpi.h>

#include <atomic>

namespace {

std::atomic<int> living = 0;

int counted(int code, const MPI_Comm* made) {
  if (code == MPI_SUCCESS && *made != MPI_COMM_NULL) ++living;
  return code;
}

}  // namespace

// These take the place of MPI's own in this program, for Rensa's libraries too; PMPI_… are MPI's.
extern "C" {

int MPI_Comm_dup(MPI_Comm comm, MPI_Comm* made) { return counted(PMPI_Comm_dup(comm, made), made); }

int MPI_Comm_split(MPI_Comm comm, int color, int key, MPI_Comm* made) {
  return counted(PMPI_Comm_split(comm, color, key, made), made);
}

int MPI_Comm_split_type(MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm* made) {
  return counted(PMPI_Comm_split_type(comm, type, key, info, made), made);
}

int MPI_Comm_free(MPI_Comm* comm) {
  --living;
  return PMPI_Comm_free(comm);
}

}  // extern "C"

namespace rensa::testing {

int living_mpi_communicators() { return living; }

}  // namespace rensa::testing
