#pragma once

#include <string>

namespace rensa::mpi {

/// Starts MPI unless the program has, and returns the thread level it runs at. If MPI was started here, it is finalized
/// when the program exits. Asks for MPI_THREAD_MULTIPLE; initialize() (mpi_communicator.h) also insists on it.
int start();

/// Whether MPI, started before, can still be called: not once it is finalized, and not by a child process, which was
/// forked from a rank and is none.
bool is_running();

/// Whether the library takes addresses on GPUs: "yes", "no", or "unknown" for one that cannot be asked.
std::string cuda_awareness();
/// Whether it says yes; $RENSA_CUDA_AWARE_MPI=on or off overrules it.
bool is_cuda_aware();

/// "MPI_THREAD_MULTIPLE" and so on.
std::string thread_level_name(int level);

}  // namespace rensa::mpi
