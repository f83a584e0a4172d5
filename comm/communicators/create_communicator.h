#pragma once

#include <memory>
#include <string>
#include <vector>

#include "comm/communicators/communicator.h"

namespace rensa {

struct CommunicatorOptions {
  /// "auto": MPI when the program was started by mpirun, otherwise one rank alone. "flat": MPI's own collectives.
  /// "naive": the reference. "self": one rank alone.
  std::string name = "auto";
  /// The address of an MPI_Comm of the program, which is duplicated and left as it was found. Null: MPI_COMM_WORLD.
  const void* mpi_comm = nullptr;
};

/// A call on all ranks together. Throws ValueError that lists the names for an unknown one, CommError if MPI is asked for
/// and absent.
std::unique_ptr<Communicator> create_communicator(const CommunicatorOptions& options = {});
std::unique_ptr<Communicator> create_communicator(const std::string& name);

/// The names that create_communicator takes.
const std::vector<std::string>& communicator_names();

namespace mpi {
/// Implemented by comm/mpi or, without MPI, by comm/mpi_absent, which throws.
std::unique_ptr<Communicator> create_transport(const void* mpi_comm);
bool available();
}  // namespace mpi

}  // namespace rensa
