#pragma once

#include <string>

namespace rensa::mpi {

/// Starts MPI unless the program has, and returns the thread level it runs at. If MPI was started here, it is finalized
/// when the program exits. Asks for MPI_THREAD_MULTIPLE; initialize() (mpi_communicator.h) also insists on it.
int start();

/// "MPI_THREAD_MULTIPLE" and so on.
std::string thread_level_name(int level);

}  // namespace rensa::mpi
